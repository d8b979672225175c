//! How is it going?
