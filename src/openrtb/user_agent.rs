//! What a user agent says of the device: `device.sua`, else `device.ua`.
//!
//! Why so little: exchanges fill in `devicetype` and `os`; this stands in where they do not,
//! and turns away crawlers that say so. A library of patterns would cost more than the rest of
//! a decision.
//!
//! Guarantees: no allocation but for escapes in `sua`; only the first [`AGENT_BYTES_MAX`] bytes
//! of a text are looked at.

use super::member::{Member, Read};
use super::request::Device;
use crate::model::DeviceType;

/// Longest part of a user agent that is looked at; real ones have 100 to 250 bytes.
pub const AGENT_BYTES_MAX: usize = 512;

/// What a user agent says; nothing where it does not say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UserAgentClass {
    /// The kind of device.
    pub device_type: Option<DeviceType>,
    /// The operating system, as `device.os` usually names it.
    pub operating_system: Option<&'static str>,
    /// It says that it is no person's browser.
    pub crawler: bool,
}

/// Reads the user agent of a device; `sua` goes before `ua`, and either may tell a crawler.
pub fn class(device: &Device<'_>) -> UserAgentClass {
    let mut said = UserAgentClass::default();
    if let Some(raw) = &device.structured_user_agent {
        let mut structured = Structured::default();
        // What was read before a fault was said, too.
        let _ = raw.each(|name, member| structured.member(name, member));
        said = structured.class();
    }
    if let Some(text) = device.user_agent.as_deref() {
        let found = Lowered::of(text).parts();
        said.crawler |= found.is_crawler();
        let (system, device_type) = found.system();
        said.operating_system = said.operating_system.or(system);
        said.device_type = said.device_type.or(device_type);
    }
    said
}

/// Operating systems by a part of a user agent in small letters, those that pretend to be
/// another first; with the kind of device, where only the system decides it.
const SYSTEMS: &[(&str, &str, Option<DeviceType>)] = &[
    ("windows phone", "Windows Phone", Some(DeviceType::Mobile)),
    ("tizen", "Tizen", None),
    ("web0s", "webOS", Some(DeviceType::Tv)),
    ("webos", "webOS", Some(DeviceType::Tv)),
    ("appletv", "tvOS", Some(DeviceType::Tv)),
    ("apple tv", "tvOS", Some(DeviceType::Tv)),
    ("tvos", "tvOS", Some(DeviceType::Tv)),
    ("roku", "Roku OS", Some(DeviceType::Tv)),
    ("kaios", "KaiOS", Some(DeviceType::Mobile)),
    ("ipad", "iOS", Some(DeviceType::Tablet)),
    ("iphone", "iOS", Some(DeviceType::Mobile)),
    ("ipod", "iOS", Some(DeviceType::Mobile)),
    ("android", "Android", None),
    ("windows", "Windows", Some(DeviceType::Desktop)),
    ("cros ", "Chrome OS", Some(DeviceType::Desktop)),
    ("macintosh", "macOS", Some(DeviceType::Desktop)),
    ("mac os x", "macOS", Some(DeviceType::Desktop)),
    ("linux", "Linux", None),
];

/// Parts of a user agent of a television.
const TELEVISIONS: [&str; 9] = [
    "smart-tv",
    "smarttv",
    "smart tv",
    "hbbtv",
    "googletv",
    "android tv",
    "bravia",
    "aftt",
    "crkey",
];

/// Words of those who fetch pages for nobody's eyes, in small letters. `bot` counts only at
/// the end of a word and not in the name of the phones: see [`Lowered::has_word_at`].
const CRAWLERS: [&str; 18] = [
    "bot",
    "crawl",
    "spider",
    "slurp",
    "headless",
    "phantomjs",
    "lighthouse",
    "puppeteer",
    "selenium",
    "curl/",
    "wget/",
    "python-",
    "go-http-client",
    "scrapy",
    "facebookexternalhit",
    "mediapartners-google",
    "google-inspectiontool",
    "bingpreview",
];

/// Says of a browser that it is one for a small screen.
const MOBILE: &str = "mobile";

/// Everything that is looked for, one bit each: systems, televisions, crawlers, [`MOBILE`].
const PARTS: [&str; TELEVISIONS_AT + TELEVISIONS.len() + CRAWLERS.len() + 1] = {
    let mut parts = [MOBILE; TELEVISIONS_AT + TELEVISIONS.len() + CRAWLERS.len() + 1];
    let mut n = 0;
    while n < MOBILE_AT {
        parts[n] = if n < TELEVISIONS_AT {
            SYSTEMS[n].0
        } else if n < CRAWLERS_AT {
            TELEVISIONS[n - TELEVISIONS_AT]
        } else {
            CRAWLERS[n - CRAWLERS_AT]
        };
        n += 1;
    }
    parts
};
const TELEVISIONS_AT: usize = SYSTEMS.len();
const CRAWLERS_AT: usize = TELEVISIONS_AT + TELEVISIONS.len();
const MOBILE_AT: usize = CRAWLERS_AT + CRAWLERS.len();
const _: () = assert!(PARTS.len() <= u64::BITS as usize, "a bit for each part");

/// For each letter, the parts that begin with it: a user agent is gone through once.
const BY_LETTER: [u64; 26] = {
    let (mut letters, mut n) = ([0; 26], 0);
    while n < PARTS.len() {
        letters[(PARTS[n].as_bytes()[0] - b'a') as usize] |= 1 << n;
        n += 1;
    }
    letters
};

/// For each second byte, the parts that have it: of those that begin with a letter, hardly any is
/// left to be compared.
const BY_SECOND: [u64; 128] = {
    let (mut seconds, mut n) = ([0; 128], 0);
    while n < PARTS.len() {
        seconds[PARTS[n].as_bytes()[1] as usize] |= 1 << n;
        n += 1;
    }
    seconds
};

/// The beginning of a user agent in small letters.
struct Lowered {
    bytes: [u8; AGENT_BYTES_MAX],
    length: usize,
}

impl Lowered {
    fn of(text: &str) -> Self {
        let mut bytes = [0; AGENT_BYTES_MAX];
        let length = text.len().min(AGENT_BYTES_MAX);
        bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
        bytes[..length].make_ascii_lowercase();
        Self { bytes, length }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Which of [`PARTS`] are in it, in one pass.
    fn parts(&self) -> Found {
        let mut found = 0;
        for (at, pair) in self.bytes().windows(2).enumerate() {
            let letter = usize::from(pair[0].wrapping_sub(b'a'));
            let first = BY_LETTER.get(letter).copied().unwrap_or(0);
            let second = BY_SECOND.get(usize::from(pair[1])).copied().unwrap_or(0);
            let mut left = first & second & !found;
            while left != 0 {
                let part = left.trailing_zeros();
                left &= left - 1;
                found |= u64::from(self.has_word_at(at, PARTS[part as usize])) << part;
            }
        }
        Found(found)
    }

    fn has_word_at(&self, at: usize, word: &str) -> bool {
        let (before, rest) = self.bytes().split_at(at);
        let Some(after) = rest.strip_prefix(word.as_bytes()) else { return false };
        // "Cubot" is a maker of phones; "bots" are bots, a "bottle" is none.
        let is_bot = || {
            let after = after.strip_prefix(b"s").unwrap_or(after);
            !before.ends_with(b"cu") && !after.first().is_some_and(u8::is_ascii_alphabetic)
        };
        word != "bot" || is_bot()
    }
}

/// The [`PARTS`] of a user agent.
#[derive(Clone, Copy)]
struct Found(u64);

impl Found {
    /// Whether any part of a range of them is there.
    fn any(self, parts: std::ops::Range<usize>) -> bool {
        parts.into_iter().any(|part| self.0 >> part & 1 != 0)
    }

    fn is_crawler(self) -> bool {
        self.any(CRAWLERS_AT..MOBILE_AT)
    }

    /// The operating system and the kind of device.
    fn system(self) -> (Option<&'static str>, Option<DeviceType>) {
        let television = self.any(TELEVISIONS_AT..CRAWLERS_AT);
        let mobile = self.any(MOBILE_AT..PARTS.len());
        let first = self.0.trailing_zeros() as usize;
        let Some((_, system, device_type)) = SYSTEMS.get(first) else {
            return (None, television.then_some(DeviceType::Tv));
        };
        let device_type = match (*device_type, *system) {
            _ if television => DeviceType::Tv,
            (Some(device_type), _) => device_type,
            // Browsers on phones with these two say so; what does not is a larger device.
            (None, "Android") if !mobile => DeviceType::Tablet,
            (None, "Tizen") if !mobile => DeviceType::Tv,
            (None, "Linux") => DeviceType::Desktop,
            (None, _) => DeviceType::Mobile,
        };
        (Some(system), Some(device_type))
    }
}

/// What `sua` says.
#[derive(Default)]
struct Structured {
    system: (Option<&'static str>, Option<DeviceType>),
    mobile: Option<bool>,
    crawler: bool,
}

impl Structured {
    fn member(&mut self, name: &str, member: Member<'_, '_>) -> Read<()> {
        match name {
            "mobile" => self.mobile = member.flag()?,
            "platform" => brand(member, |brand| self.system = Lowered::of(brand).platform())?,
            "browsers" => member.each(|browser| {
                brand(browser, |brand| self.crawler |= Lowered::of(brand).parts().is_crawler())
            })?,
            _ => {}
        }
        Ok(())
    }

    fn class(&self) -> UserAgentClass {
        let (operating_system, usual) = self.system;
        let device_type = match (usual, self.mobile) {
            (Some(DeviceType::Tv | DeviceType::Desktop), _) => usual,
            (_, Some(true)) => Some(DeviceType::Mobile),
            // Not mobile, on a system of phones and tablets.
            (Some(_), Some(false)) => Some(DeviceType::Tablet),
            // The system alone does not tell a phone from a tablet.
            (_, None | Some(false)) => None,
        };
        UserAgentClass { device_type, operating_system, crawler: self.crawler }
    }
}

impl Lowered {
    /// As [`Found::system`], of a platform's brand: here names are whole.
    fn platform(&self) -> (Option<&'static str>, Option<DeviceType>) {
        match self.bytes() {
            b"ios" | b"ipados" => (Some("iOS"), Some(DeviceType::Mobile)),
            b"macos" => (Some("macOS"), Some(DeviceType::Desktop)),
            b"chrome os" | b"chromeos" | b"chromium os" => {
                (Some("Chrome OS"), Some(DeviceType::Desktop))
            }
            _ => self.parts().system(),
        }
    }
}

fn brand(member: Member<'_, '_>, mut visit: impl FnMut(&str)) -> Read<()> {
    member.object(|name, member| {
        if name == "brand" {
            member.text()?.as_deref().into_iter().for_each(&mut visit);
        }
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests;
