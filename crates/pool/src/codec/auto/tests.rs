use bytes::Bytes;
use flow::{Kind, Random};

use super::*;
use crate::codec::{Codec, Config};

fn codec() -> Codec {
    Codec::new(Config { compression: Compression::Auto, ..Config::default() }, None)
}

/// A record like many others.
fn record(random: &Random) -> Vec<u8> {
    let (id, age) = (random.number(), random.below(90));
    let role = ["admin", "editor", "viewer"][random.below(3) as usize];
    format!(
        r#"{{"id":"{id:016x}","display_name":"user {id:x}","role":"{role}","age":{age},"preferences":{{"language":"en","theme":"dark"}}}}"#
    )
    .into_bytes()
}

fn noise(random: &Random, length: usize) -> Vec<u8> {
    let mut noise = vec![0; length];
    random.fill(&mut noise);
    noise
}

/// Writes values until a choice is made.
fn chosen(codec: &Codec, value: impl Fn() -> Vec<u8>) -> Option<Proposal> {
    let auto = codec.auto().unwrap();
    for _ in 0..AGAIN * 2 {
        let value = value();
        codec.encode(&value, b"").unwrap();
        if auto.is_due() {
            return codec.choose();
        }
    }
    panic!("nothing was chosen");
}

#[test]
fn small_values_that_are_alike_share_a_dictionary() {
    let (codec, random) = (codec(), Random::seeded(1));
    let plain = record(&random);
    let before = codec.encode(&plain, b"").unwrap().len();
    assert!(before > plain.len(), "too small to be compressed alone");
    let proposal = chosen(&codec, || record(&random)).unwrap();
    assert_eq!(codec.encode(&plain, b"").unwrap().len(), before, "it only proposes itself");
    let bytes = proposal.dictionary().bytes().clone();
    codec.adopt(proposal);
    let stored = codec.encode(&plain, b"").unwrap();
    let choice = codec.auto().unwrap().choices()[0];
    println!(
        "{} bytes are {}; {choice:?}, dictionary of {}",
        plain.len(),
        stored.len(),
        bytes.len()
    );
    assert!(stored.len() * 2 < plain.len(), "{} of {}", stored.len(), plain.len());
    assert!(choice.left * 2 < choice.plain && choice.means.contains("dictionary"));
    assert_eq!(codec.decode(&stored, b"").unwrap(), plain);

    // Elsewhere it can be read as soon as the dictionary is known.
    let other = Codec::new(Config::default(), None);
    let lacking = other.lacks_dictionary(&stored).unwrap();
    assert_eq!(other.decode(&stored, b"").unwrap_err().kind(), Kind::Corrupt);
    assert!(!other.learn_dictionary(lacking, Bytes::from_static(b"another")));
    assert!(other.learn_dictionary(lacking, bytes.clone()));
    assert_eq!(other.lacks_dictionary(&stored), None);
    assert_eq!(other.decode(&stored, b"").unwrap(), plain);
    // And it is used there rather than another that gains hardly more.
    let third = self::codec();
    assert!(third.learn_dictionary(lacking, bytes));
    assert_eq!(chosen(&third, || record(&random)).unwrap().dictionary().id(), lacking);
    // No bit of what is stored makes anybody panic.
    for at in 0..stored.len() {
        let mut flipped = stored.to_vec();
        flipped[at] ^= 1;
        let _ = (other.lacks_dictionary(&flipped), other.decode(&flipped, b""));
    }
}

#[test]
fn what_does_not_become_smaller_is_left_alone() {
    let (codec, random) = (codec(), Random::seeded(1));
    for length in [2000, 5000] {
        assert!(chosen(&codec, || noise(&random, length)).is_none());
    }
    let choices = codec.auto().unwrap().choices();
    assert!(choices.iter().all(|choice| choice.means == "none" && choice.left == choice.plain));
    assert_eq!(choices.len(), 2);
}

#[test]
fn the_choice_follows_the_values() {
    let (codec, random) = (codec(), Random::seeded(1));
    chosen(&codec, || noise(&random, 5000));
    let text = || (0..60).flat_map(|_| record(&random)).collect::<Vec<u8>>();
    chosen(&codec, text);
    let choice = codec.auto().unwrap().choices()[0];
    assert!(matches!(choice.means, "zstd" | "lz4") && choice.left * 2 < choice.plain, "{choice:?}");
    let value = text();
    let stored = codec.encode(&value, b"").unwrap();
    assert!(stored.len() * 2 < value.len());
    assert_eq!(codec.decode(&stored, b"").unwrap(), value);
}

#[test]
fn sealed_values_share_nothing() {
    use crate::codec::seal::{Key, KeyId};
    let random = Random::seeded(1);
    let config = Config { compression: Compression::Auto, ..Config::default() };
    let key = Key::new(KeyId(1), &[9; 32]).unwrap();
    let sealed = Codec::new(config, Some(Arc::new(Arc::new(key))));
    let large = || [record(&random), vec![b' '; 1500]].concat();
    assert!(chosen(&sealed, large).is_none());
    assert_ne!(sealed.auto().unwrap().choices()[0].means, "none");
}
