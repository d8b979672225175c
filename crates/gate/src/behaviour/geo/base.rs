//! Databases in MaxMind's format.
//!
//! A file is read whole and verified before anything is looked up in it, so that a damaged one
//! is known when it is opened and not when somebody comes from the wrong address.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::time::SystemTime;

use flow::{Error, Result};
use maxminddb::Reader;
use serde::Deserialize;

use super::place::{Country, Place, Spot};
use crate::behaviour::config::Config;
use crate::codes::GEO;

/// The databases there are.
#[derive(Debug)]
pub(super) struct Bases {
    /// Which edition of them this is, from 1.
    pub(super) edition: u64,
    city: Option<Base>,
    anonymous: Option<Base>,
    asn: Option<Base>,
}

struct Base {
    reader: Reader<Vec<u8>>,
    stamp: Stamp,
}

/// What a file looked like when it was read.
type Stamp = Option<(SystemTime, u64)>;

#[derive(Deserialize)]
struct CityRecord<'a> {
    #[serde(borrow)]
    country: Option<CountryRecord<'a>>,
    location: Option<LocationRecord>,
}

#[derive(Deserialize)]
struct CountryRecord<'a> {
    iso_code: Option<&'a str>,
}

#[derive(Deserialize)]
struct LocationRecord {
    latitude: Option<f64>,
    longitude: Option<f64>,
    accuracy_radius: Option<u16>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "the record is made of them")]
struct AnonymousRecord {
    is_anonymous: bool,
    is_anonymous_vpn: bool,
    is_hosting_provider: bool,
    is_public_proxy: bool,
    is_residential_proxy: bool,
    is_tor_exit_node: bool,
}

#[derive(Deserialize)]
struct OperatorRecord<'a> {
    autonomous_system_number: Option<u32>,
    autonomous_system_organization: Option<&'a str>,
}

impl Bases {
    /// Reads all the configuration names.
    pub(super) fn read(config: &Config) -> Result<Self> {
        let base = |path: &Option<_>| path.as_deref().map(Base::read).transpose();
        Ok(Self {
            edition: 1,
            city: base(&config.city)?,
            anonymous: base(&config.anonymous)?,
            asn: base(&config.asn)?,
        })
    }

    /// The edition that follows this one.
    pub(super) fn after(self, old: &Self) -> Self {
        Self { edition: old.edition + 1, ..self }
    }

    /// Whether a file is not what it was.
    pub(super) fn are_old(&self, config: &Config) -> bool {
        let pairs = [
            (&self.city, &config.city),
            (&self.anonymous, &config.anonymous),
            (&self.asn, &config.asn),
        ];
        let changed = |(base, path): (&Option<Base>, &Option<std::path::PathBuf>)| {
            base.as_ref().zip(path.as_deref()).is_some_and(|(base, path)| base.stamp != stamp(path))
        };
        pairs.into_iter().any(changed)
    }

    /// What is known of this address. What cannot be read of it is not known.
    pub(super) fn place(&self, address: IpAddr) -> Place {
        Place {
            hidden: self.hidden_by(address).is_some(),
            operator: self.operator_record(address).map_or(0, |(number, _)| number),
            spot: self.spot(address),
        }
    }

    fn spot(&self, address: IpAddr) -> Option<Spot> {
        let record: CityRecord<'_> = self.city.as_ref()?.find(address)?;
        let location = record.location?;
        let country = record.country.and_then(|country| country.iso_code);
        Some(Spot {
            latitude: location.latitude? as f32,
            longitude: location.longitude? as f32,
            radius_km: location.accuracy_radius.unwrap_or(0),
            country: country.map(Country::new).unwrap_or_default(),
        })
    }

    /// What somebody hides behind, in words.
    pub(super) fn hidden_by(&self, address: IpAddr) -> Option<&'static str> {
        let record: AnonymousRecord = self.anonymous.as_ref()?.find(address)?;
        let kinds = [
            (record.is_tor_exit_node, "an exit of Tor"),
            (record.is_anonymous_vpn, "a VPN"),
            (record.is_public_proxy, "a public proxy"),
            (record.is_residential_proxy, "a residential proxy"),
            (record.is_hosting_provider, "a hosting provider"),
            (record.is_anonymous, "something anonymous"),
        ];
        kinds.into_iter().find(|(is, _)| *is).map(|(_, what)| what)
    }

    /// Whose network it is, in words.
    pub(super) fn operator(&self, address: IpAddr) -> Option<String> {
        let (number, name) = self.operator_record(address)?;
        Some(format!(" (AS{number} {name})"))
    }

    fn operator_record(&self, address: IpAddr) -> Option<(u32, &str)> {
        let record: OperatorRecord<'_> = self.asn.as_ref()?.find(address)?;
        let name = record.autonomous_system_organization.unwrap_or_default();
        Some((record.autonomous_system_number?, name))
    }
}

impl Base {
    fn read(path: &Path) -> Result<Self> {
        let unusable = |what: &str| -> Error {
            GEO.error(format!("the database `{}` {what}", path.display()))
        };
        let stamp = stamp(path);
        let bytes = fs::read(path).map_err(|error| unusable("cannot be read").because(error))?;
        let broken = |error| unusable("is damaged, or not in MaxMind's format").because(error);
        let reader = Reader::from_source(bytes).map_err(broken)?;
        reader.verify().map_err(broken)?;
        Ok(Self { reader, stamp })
    }

    fn find<'a, T: Deserialize<'a>>(&'a self, address: IpAddr) -> Option<T> {
        self.reader.lookup(address).ok()?.decode().ok()?
    }
}

impl std::fmt::Debug for Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reader.metadata().database_type)
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
