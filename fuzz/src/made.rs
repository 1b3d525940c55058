//! Well-typed requests made of arbitrary bytes: what both forms of a request can say, so that
//! nothing but their readers can differ.
//!
//! The schema is a table of members and kinds, as deep as decisions look. A member that is read
//! from now on is one line more here.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

/// Longest list that is made: longer than every bound of real requests but that of impressions.
const LIST_MAX: u32 = 20;

/// What a member holds.
enum Kind {
    /// One of these texts, or any.
    Text(&'static [&'static str]),
    /// Texts as above.
    Texts(&'static [&'static str]),
    /// A whole number within these bounds, both included.
    Number(i32, i32),
    /// Whole numbers within these bounds.
    Numbers(i32, i32),
    /// 0 or 1.
    Flag,
    /// An amount of money, a CPM.
    Amount,
    /// An object.
    Object(&'static [Member]),
    /// Objects.
    Objects(&'static [Member]),
}

type Member = (&'static str, Kind);

const LANGUAGES_AND_COUNTRIES: &[&str] = &["USA", "DEU", "CAN", "FRA", "deu", "US"];
const CATEGORIES: &[&str] = &["IAB18", "IAB18-1", "IAB1", "IAB25", "552"];
const IDS: &[&str] = &["u1", "u2", "u3", "1", "", "00000000-0000-0000-0000-000000000000"];
const CONSENTS: &[&str] = &["CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", "", "C"];
const GPP: &[&str] = &["DBABTA~1YNN", "DBABTA~1YYN", "DBAA", "DBACNY~C~1YNN"];
const US_PRIVACY: &[&str] = &["1YNN", "1YYN", "1---", "1YN"];

const EIDS: &[Member] = &[
    ("source", Kind::Text(&["uidapi.com", "id5-sync.com", ""])),
    ("mm", Kind::Number(0, 6)),
    ("uids", Kind::Objects(&[("id", Kind::Text(IDS)), ("atype", Kind::Number(0, 3))])),
];
const SIZE: &[Member] = &[("w", Kind::Number(-1, 70_000)), ("h", Kind::Number(-1, 70_000))];
const BANNER: &[Member] = &[
    ("w", Kind::Number(0, 1_000)),
    ("h", Kind::Number(0, 1_000)),
    ("format", Kind::Objects(SIZE)),
    ("battr", Kind::Numbers(-1, 40)),
    ("btype", Kind::Numbers(0, 5)),
];
const IMPRESSION: &[Member] = &[
    ("id", Kind::Text(&["1", "2", "3"])),
    ("banner", Kind::Object(BANNER)),
    ("bidfloor", Kind::Amount),
    ("bidfloorcur", Kind::Text(&["USD", "EUR", "usd", "ZZZ", ""])),
    ("secure", Kind::Flag),
    ("pmp", Kind::Object(&[("private_auction", Kind::Flag)])),
];
const DEVICE: &[Member] = &[
    ("devicetype", Kind::Number(0, 9)),
    ("os", Kind::Text(&["iOS", "Android"])),
    ("ifa", Kind::Text(IDS)),
    ("lmt", Kind::Flag),
    ("dnt", Kind::Flag),
    ("geo", Kind::Object(&[("country", Kind::Text(LANGUAGES_AND_COUNTRIES))])),
    ("ext", Kind::Object(&[("atts", Kind::Number(-1, 4))])),
];
const USER: &[Member] = &[
    ("id", Kind::Text(IDS)),
    ("buyeruid", Kind::Text(IDS)),
    ("consent", Kind::Text(CONSENTS)),
    ("eids", Kind::Objects(EIDS)),
    ("ext", Kind::Object(&[("consent", Kind::Text(CONSENTS)), ("eids", Kind::Objects(EIDS))])),
];
const REGULATIONS_EXT: &[Member] =
    &[("gdpr", Kind::Flag), ("us_privacy", Kind::Text(US_PRIVACY)), ("gpc", Kind::Text(&["1"]))];
const REGULATIONS: &[Member] = &[
    ("coppa", Kind::Flag),
    ("gdpr", Kind::Flag),
    ("us_privacy", Kind::Text(US_PRIVACY)),
    ("gpp", Kind::Text(GPP)),
    ("gpp_sid", Kind::Numbers(-1, 24)),
    ("ext", Kind::Object(REGULATIONS_EXT)),
];
const REQUEST: &[Member] = &[
    ("imp", Kind::Objects(IMPRESSION)),
    ("user", Kind::Object(USER)),
    ("device", Kind::Object(DEVICE)),
    ("regs", Kind::Object(REGULATIONS)),
    ("at", Kind::Number(0, 4)),
    ("tmax", Kind::Number(-1, 500)),
    ("test", Kind::Flag),
    ("cur", Kind::Texts(&["USD", "EUR", "JPY", "ZZZ"])),
    ("badv", Kind::Texts(&["shop.example", "example", "rival.example"])),
    ("bcat", Kind::Texts(CATEGORIES)),
    ("wseat", Kind::Texts(&["homing-1", "other"])),
    ("bseat", Kind::Texts(&["homing-1", "other"])),
    (
        "site",
        Kind::Object(&[
            ("domain", Kind::Text(&["news.example", "bad.example", "www.bad.example"])),
            ("page", Kind::Text(&["https://tabloid.example:8080/x?y", "news.example"])),
        ]),
    ),
    ("app", Kind::Object(&[("bundle", Kind::Text(&["com.bad", "com.good"]))])),
];

/// A request: always with an id, mostly with impressions.
///
/// # Errors
/// The bytes are used up in a way that makes no value at all.
pub fn request(bytes: &mut Unstructured<'_>) -> Result<Value> {
    let mut request = object(REQUEST, bytes)?;
    request.insert("id".to_owned(), json!("r"));
    Ok(Value::Object(request))
}

fn object(members: &'static [Member], bytes: &mut Unstructured<'_>) -> Result<Map<String, Value>> {
    let mut object = Map::new();
    for (name, kind) in members {
        if bytes.ratio(3, 4)? {
            object.insert((*name).to_owned(), value(kind, bytes)?);
        }
    }
    Ok(object)
}

fn value(kind: &'static Kind, bytes: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match kind {
        Kind::Text(choices) => text(choices, bytes)?.into(),
        Kind::Texts(choices) => list(bytes, |bytes| Ok(text(choices, bytes)?.into()))?,
        Kind::Number(low, high) => bytes.int_in_range(*low..=*high)?.into(),
        Kind::Numbers(low, high) => list(bytes, |bytes| {
            let number = bytes.int_in_range(*low..=*high)?;
            Ok(number.into())
        })?,
        Kind::Flag => i32::from(bytes.arbitrary::<bool>()?).into(),
        Kind::Amount => amount(bytes)?,
        Kind::Object(members) => Value::Object(object(members, bytes)?),
        Kind::Objects(members) => list(bytes, |bytes| Ok(Value::Object(object(members, bytes)?)))?,
    })
}

fn list(
    bytes: &mut Unstructured<'_>,
    mut one: impl FnMut(&mut Unstructured<'_>) -> Result<Value>,
) -> Result<Value> {
    let mut all = Vec::new();
    while all.len() < LIST_MAX as usize && bytes.ratio(1, 2)? {
        all.push(one(bytes)?);
    }
    Ok(Value::Array(all))
}

fn text(choices: &'static [&'static str], bytes: &mut Unstructured<'_>) -> Result<String> {
    let chosen = bytes.int_in_range(0..=choices.len())?;
    match choices.get(chosen) {
        Some(text) => Ok((*text).to_owned()),
        None => bytes.arbitrary(),
    }
}

/// Amounts in micros, and now and then any number that JSON can write.
fn amount(bytes: &mut Unstructured<'_>) -> Result<Value> {
    if bytes.ratio(7, 8)? {
        let micros = bytes.int_in_range(0..=9_000_000_u32)?;
        return Ok((f64::from(micros) / 1e6).into());
    }
    let any: f64 = bytes.arbitrary()?;
    Ok(if any.is_finite() { any.into() } else { 0.5.into() })
}
