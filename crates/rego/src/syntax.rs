//! The text of policies, and the tree it is read as.

pub mod tree;

pub use tree::Module;
impl tree::Source {
    /// TEMP
    pub fn place(&self, byte: u32) -> (usize, usize) {
        let before = self.text.get(..byte as usize).unwrap_or("");
        (before.matches('\n').count() + 1, byte as usize - before.rfind('\n').map_or(0, |at| at + 1) + 1)
    }
}
