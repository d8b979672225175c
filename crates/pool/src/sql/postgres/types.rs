//! Values on the wire.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::sql::Value;

type Wrong = Box<dyn Error + Sync + Send>;

impl ToSql for Value {
    fn to_sql(&self, to: &Type, out: &mut BytesMut) -> Result<IsNull, Wrong> {
        match (self, to) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Integer(it), &Type::INT8) => it.to_sql(to, out),
            (Value::Integer(it), &Type::INT4) => i32::try_from(*it)?.to_sql(to, out),
            (Value::Integer(it), &Type::INT2) => i16::try_from(*it)?.to_sql(to, out),
            (Value::Integer(it), &Type::BOOL) => (*it != 0).to_sql(to, out),
            (Value::Integer(it), &Type::FLOAT8) => (*it as f64).to_sql(to, out),
            (Value::Real(it), &Type::FLOAT8) => it.to_sql(to, out),
            (Value::Real(it), &Type::FLOAT4) => (*it as f32).to_sql(to, out),
            (Value::Text(it), &Type::JSONB) => {
                // The version of the format; the rest is its text.
                out.put_u8(1);
                out.put_slice(it.as_bytes());
                Ok(IsNull::No)
            }
            // Keys come as text, whatever their columns are.
            (Value::Text(it), &Type::INT8) => it.parse::<i64>()?.to_sql(to, out),
            (Value::Text(it), &Type::INT4) => it.parse::<i32>()?.to_sql(to, out),
            (Value::Text(it), &Type::INT2) => it.parse::<i16>()?.to_sql(to, out),
            (Value::Text(it), &Type::UUID) => {
                out.put_u128(uuid(it).ok_or("no UUID")?);
                Ok(IsNull::No)
            }
            (Value::Text(it), to) if is_text(to) => {
                out.put_slice(it.as_bytes());
                Ok(IsNull::No)
            }
            (Value::Blob(it), &Type::BYTEA) => it.to_sql(to, out),
            (value, to) => Err(format!("{} does not fit `{to}`", value.kind()).into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(from: &Type, raw: &'a [u8]) -> Result<Self, Wrong> {
        Ok(match from {
            &Type::BOOL => Value::from(bool::from_sql(from, raw)?),
            &Type::INT2 => Value::Integer(i16::from_sql(from, raw)?.into()),
            &Type::INT4 => Value::Integer(i32::from_sql(from, raw)?.into()),
            &Type::INT8 => Value::Integer(i64::from_sql(from, raw)?),
            &Type::OID => Value::Integer(u32::from_sql(from, raw)?.into()),
            &Type::FLOAT4 => Value::Real(f32::from_sql(from, raw)?.into()),
            &Type::FLOAT8 => Value::Real(f64::from_sql(from, raw)?),
            &Type::NUMERIC => numeric(raw)?,
            &Type::BYTEA => Value::Blob(raw.to_vec()),
            &Type::VOID => Value::Null,
            &Type::JSONB => text(raw.get(1..).ok_or("an empty JSON document")?)?,
            from if is_text(from) => text(raw)?,
            from => return Err(format!("`{from}` is not read").into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Wrong> {
        Ok(Value::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// With the hyphens where they belong, or without any.
fn uuid(text: &str) -> Option<u128> {
    let hyphens = text.bytes().enumerate().filter(|(_, byte)| *byte == b'-');
    let hyphens: Vec<usize> = hyphens.map(|(at, _)| at).collect();
    let digits: String = text.chars().filter(|letter| *letter != '-').collect();
    let fits = hyphens.is_empty() || hyphens == [8, 13, 18, 23];
    let fits = fits && digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| u128::from_str_radix(&digits, 16).ok()).flatten()
}

fn is_text(kind: &Type) -> bool {
    const TEXTS: [Type; 6] =
        [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME, Type::JSON, Type::UNKNOWN];
    TEXTS.contains(kind) || kind.name() == "citext"
}

fn text(raw: &[u8]) -> Result<Value, Wrong> {
    Ok(Value::Text(std::str::from_utf8(raw)?.to_owned()))
}

/// What `sum()` of whole numbers gives: whole where it fits, a fraction otherwise.
fn numeric(raw: &[u8]) -> Result<Value, Wrong> {
    const NEGATIVE: u16 = 0x4000;
    const NOT_A_NUMBER: u16 = 0xC000;
    let mut words = raw.chunks_exact(2).filter_map(|pair| pair.try_into().ok());
    let mut word = || words.next().map(u16::from_be_bytes).ok_or("a number ends early");
    let (digits, weight, sign, _scale) = (word()?, word()? as i16, word()?, word()?);
    if sign & NOT_A_NUMBER == NOT_A_NUMBER {
        return Ok(Value::Real(f64::NAN));
    }
    let (mut whole, mut real, mut is_whole) = (Some(0i64), 0.0f64, true);
    let places = i32::from(weight) + 1;
    for place in 0..i32::from(digits).max(places) {
        let digit = if place < i32::from(digits) { word()? } else { 0 };
        if place < places {
            let wider = whole.and_then(|whole| whole.checked_mul(10_000));
            // Downwards, for the least number has no positive twin.
            whole = wider.and_then(|whole| whole.checked_sub(digit.into()));
        } else {
            is_whole &= digit == 0;
        }
        real += f64::from(digit) * 10_000f64.powi(places - 1 - place);
    }
    if sign == NEGATIVE {
        real = -real;
    } else {
        whole = whole.and_then(i64::checked_neg);
    }
    Ok(whole.filter(|_| is_whole).map_or(Value::Real(real), Value::Integer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_whole_where_they_can_be() {
        for (words, expected) in [
            (vec![0, 0, 0, 0], Value::Integer(0)),
            (vec![1, 0, 0, 0, 7], Value::Integer(7)),
            (vec![1, 1, 0x4000, 0, 3], Value::Integer(-30_000)),
            (vec![2, 0, 0, 2, 1, 5000], Value::Real(1.5)),
            (vec![1, u16::MAX, 0, 1, 5000], Value::Real(0.5)),
            (vec![5, 4, 0x4000, 0, 922, 3372, 368, 5477, 5808], Value::Integer(i64::MIN)),
            (vec![5, 4, 0, 0, 922, 3372, 368, 5477, 5808], Value::Real(9223372036854775808.0)),
        ] {
            let raw: Vec<u8> = words.iter().flat_map(|word: &u16| word.to_be_bytes()).collect();
            assert_eq!(numeric(&raw).unwrap(), expected);
        }
        assert!(numeric(&[0, 1]).is_err());
    }
}
