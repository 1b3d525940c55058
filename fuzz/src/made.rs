//! Well-typed requests made of arbitrary bytes: what both forms of a request can say, so that
//! nothing but their readers can differ.
//!
//! The schema is a table of members and kinds, as deep as decisions look. A member that is read
//! from now on is one line more here.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

/// Longest list that is made: longer than every bound of real requests but that of impressions.
const LIST_MAX: usize = 20;

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

const COUNTRIES: &[&str] = &["USA", "DEU", "CAN", "FRA", "deu", "US"];
const CURRENCIES: &[&str] = &["USD", "EUR", "usd", "ZZZ", ""];
const MEDIA_TYPES: &[&str] = &["image/png", "video/mp4", "audio/mpeg", "VIDEO/MP4", "text/html"];
const CATEGORIES: &[&str] = &["IAB18", "IAB18-1", "IAB1", "IAB25", "552"];
const IDS: &[&str] = &["u1", "u2", "u3", "1", "", "00000000-0000-0000-0000-000000000000"];
const CONSENTS: &[&str] = &["CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", "", "C"];
const GPP: &[&str] = &["DBABTA~1YNN", "DBABTA~1YYN", "DBAA", "DBACNY~C~1YNN"];
const US_PRIVACY: &[&str] = &["1YNN", "1YYN", "1---", "1YN"];

const EIDS: &[Member] = &[
    ("source", Kind::Text(&["uidapi.com", "id5-sync.com", ""])),
    ("mm", Kind::Number(0, 6)),
    ("uids", Kind::Objects(&[("id", Kind::Text(IDS))])),
];
const SIZE: &[Member] = &[("w", Kind::Number(-1, 70_000)), ("h", Kind::Number(-1, 70_000))];
const BANNER: &[Member] = &[
    ("w", Kind::Number(0, 1_000)),
    ("h", Kind::Number(0, 1_000)),
    ("format", Kind::Objects(SIZE)),
    ("mimes", Kind::Texts(MEDIA_TYPES)),
    ("battr", Kind::Numbers(-1, 40)),
    ("btype", Kind::Numbers(0, 5)),
    ("api", Kind::Numbers(-1, 40)),
    ("expdir", Kind::Numbers(0, 6)),
];
const FLOORS: &[Member] = &[
    ("mindur", Kind::Number(-1, 60)),
    ("maxdur", Kind::Number(-1, 60)),
    ("bidfloor", Kind::Amount),
];
const VIDEO: &[Member] = &[
    ("mimes", Kind::Texts(MEDIA_TYPES)),
    ("linearity", Kind::Number(0, 3)),
    ("minduration", Kind::Number(-1, 60)),
    ("maxduration", Kind::Number(-1, 60)),
    ("rqddurs", Kind::Numbers(-1, 60)),
    ("protocol", Kind::Number(0, 40)),
    ("protocols", Kind::Numbers(-1, 40)),
    ("w", Kind::Number(-1, 70_000)),
    ("h", Kind::Number(-1, 70_000)),
    ("startdelay", Kind::Number(-2, 60)),
    ("skip", Kind::Flag),
    ("battr", Kind::Numbers(-1, 40)),
    ("api", Kind::Numbers(-1, 40)),
    ("minbitrate", Kind::Number(-1, 9_000)),
    ("maxbitrate", Kind::Number(-1, 9_000)),
    ("companionad", Kind::Objects(BANNER)),
    ("podid", Kind::Text(&["p1", "p2"])),
    ("poddur", Kind::Number(-1, 300)),
    ("maxseq", Kind::Number(-1, 9)),
    ("slotinpod", Kind::Number(-2, 3)),
    ("poddedupe", Kind::Numbers(0, 9)),
    ("mincpmpersec", Kind::Amount),
    ("durfloors", Kind::Objects(FLOORS)),
    ("plcmt", Kind::Number(0, 5)),
];
const AUDIO: &[Member] = &[
    ("mimes", Kind::Texts(MEDIA_TYPES)),
    ("minduration", Kind::Number(-1, 60)),
    ("maxduration", Kind::Number(-1, 60)),
    ("rqddurs", Kind::Numbers(-1, 60)),
    ("protocols", Kind::Numbers(-1, 40)),
    ("battr", Kind::Numbers(-1, 40)),
    ("companionad", Kind::Objects(BANNER)),
    ("podid", Kind::Text(&["p1", "p2"])),
    ("mincpmpersec", Kind::Amount),
    ("durfloors", Kind::Objects(FLOORS)),
];
const IMAGE: &[Member] = &[
    ("type", Kind::Number(0, 4)),
    ("w", Kind::Number(-1, 70_000)),
    ("hmin", Kind::Number(-1, 70_000)),
    ("mimes", Kind::Texts(MEDIA_TYPES)),
];
const ASSET: &[Member] = &[
    ("id", Kind::Number(-1, 9)),
    ("required", Kind::Flag),
    ("title", Kind::Object(&[("len", Kind::Number(-1, 200))])),
    ("img", Kind::Object(IMAGE)),
    ("video", Kind::Object(VIDEO)),
    ("data", Kind::Object(&[("type", Kind::Number(0, 14)), ("len", Kind::Number(-1, 200))])),
];
const TRACKERS: &[Member] = &[("event", Kind::Number(0, 4)), ("methods", Kind::Numbers(0, 3))];
const NATIVE_REQUEST: &[Member] = &[
    ("assets", Kind::Objects(ASSET)),
    ("eventtrackers", Kind::Objects(TRACKERS)),
    ("privacy", Kind::Flag),
];
const NATIVE: &[Member] = &[
    ("request", Kind::Object(NATIVE_REQUEST)),
    ("api", Kind::Numbers(-1, 40)),
    ("battr", Kind::Numbers(-1, 40)),
];
const DEAL: &[Member] = &[
    ("id", Kind::Text(&["d1", "d2", ""])),
    ("bidfloor", Kind::Amount),
    ("bidfloorcur", Kind::Text(CURRENCIES)),
    ("at", Kind::Number(0, 4)),
    ("guar", Kind::Number(0, 2)),
    ("wseat", Kind::Texts(&["homing-1", "other"])),
    ("wadomain", Kind::Texts(&["shop.example", "example"])),
    ("mincpmpersec", Kind::Amount),
    ("durfloors", Kind::Objects(FLOORS)),
];
const PRIVATE: &[Member] = &[("private_auction", Kind::Flag), ("deals", Kind::Objects(DEAL))];
const IMPRESSION: &[Member] = &[
    ("id", Kind::Text(&["1", "2", "3"])),
    ("banner", Kind::Object(BANNER)),
    ("video", Kind::Object(VIDEO)),
    ("audio", Kind::Object(AUDIO)),
    ("native", Kind::Object(NATIVE)),
    ("bidfloor", Kind::Amount),
    ("bidfloorcur", Kind::Text(CURRENCIES)),
    ("secure", Kind::Flag),
    ("instl", Kind::Flag),
    ("rwdd", Kind::Flag),
    ("exp", Kind::Number(-1, 9_000)),
    ("qty", Kind::Object(&[("multiplier", Kind::Amount)])),
    ("pmp", Kind::Object(PRIVATE)),
];
const CHAIN: &[Member] = &[
    ("complete", Kind::Flag),
    ("nodes", Kind::Objects(&[("asi", Kind::Text(&["a.example"])), ("sid", Kind::Text(IDS))])),
];
const SOURCE: &[Member] =
    &[("schain", Kind::Object(CHAIN)), ("ext", Kind::Object(&[("schain", Kind::Object(CHAIN))]))];
const BRAND: &[Member] = &[("brand", Kind::Text(&["Android", "iOS", "Windows", "Chrome"]))];
const AGENT: &[Member] = &[
    ("browsers", Kind::Objects(BRAND)),
    ("platform", Kind::Object(BRAND)),
    ("mobile", Kind::Flag),
];
const GEO: &[Member] = &[("country", Kind::Text(COUNTRIES)), ("region", Kind::Text(&["BE"]))];
const DEVICE: &[Member] = &[
    ("devicetype", Kind::Number(0, 9)),
    ("os", Kind::Text(&["iOS", "Android"])),
    ("ifa", Kind::Text(IDS)),
    ("lmt", Kind::Flag),
    ("dnt", Kind::Flag),
    ("ua", Kind::Text(&["Mozilla/5.0 (iPhone)", "Mozilla/5.0 (X11; Linux) Googlebot"])),
    ("sua", Kind::Object(AGENT)),
    ("geo", Kind::Object(GEO)),
    ("ext", Kind::Object(&[("atts", Kind::Number(-1, 4))])),
];
const USER: &[Member] = &[
    ("id", Kind::Text(IDS)),
    ("buyeruid", Kind::Text(IDS)),
    ("consent", Kind::Text(CONSENTS)),
    ("eids", Kind::Objects(EIDS)),
    ("ext", Kind::Object(&[("consent", Kind::Text(CONSENTS)), ("eids", Kind::Objects(EIDS))])),
];
const TRANSPARENCY: &[Member] = &[
    ("dsarequired", Kind::Number(-1, 4)),
    ("pubrender", Kind::Number(-1, 4)),
    ("datatopub", Kind::Number(-1, 4)),
];
const REGULATIONS_EXT: &[Member] = &[
    ("gdpr", Kind::Flag),
    ("us_privacy", Kind::Text(US_PRIVACY)),
    ("gpc", Kind::Text(&["1"])),
    ("dsa", Kind::Object(TRANSPARENCY)),
];
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
    ("dooh", Kind::Object(&[("domain", Kind::Text(&["news.example"]))])),
    ("source", Kind::Object(SOURCE)),
    ("acat", Kind::Texts(CATEGORIES)),
    ("cattax", Kind::Number(0, 9)),
    ("bapp", Kind::Texts(&["com.rival"])),
    ("wlang", Kind::Texts(&["en", "de"])),
    ("wlangb", Kind::Texts(&["en", "de-AT"])),
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
        // Bytes that are used up would say yes for ever, and nested lists would explode.
        if !bytes.is_empty() && bytes.ratio(3, 4)? {
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
    while all.len() < LIST_MAX && !bytes.is_empty() && bytes.ratio(1, 2)? {
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

/// A decimal of at most nine places, or now and then next to nothing: what a float can tell from
/// its neighbours, so that both forms mean the same amount.
fn amount(bytes: &mut Unstructured<'_>) -> Result<Value> {
    let digits = f64::from(bytes.arbitrary::<u32>()?);
    let places = bytes.int_in_range(0..=9)?;
    let tiny = bytes.ratio(1, 16)?;
    Ok((digits / 10_f64.powi(if tiny { 200 } else { places })).into())
}
