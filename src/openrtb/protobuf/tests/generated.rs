//! Ten thousand requests of all kinds, each told alike by its two forms.

use super::assert_same;
use serde_json::{Map, Value, json};
use twox_hash::XxHash3_64;

const REQUESTS: u32 = 10_000;

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 += 1;
        (XxHash3_64::oneshot(&self.0.to_le_bytes()) >> 32) as u32 % limit
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u32) as usize]
    }

    /// So many numbers at most, each of `choices`.
    fn some(&mut self, most: u32, choices: &[i32]) -> Value {
        (0..self.below(most + 1)).map(|_| self.of(choices)).collect()
    }

    fn names(&mut self, most: u32, choices: &[&str]) -> Value {
        (0..self.below(most + 1)).map(|_| self.of(choices)).collect()
    }

    /// A price with up to six places.
    fn price(&mut self) -> Value {
        let micros = self.below(20_000_000);
        let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        serde_json::from_str(&text).expect("a decimal is JSON")
    }

    /// An object of those members that the dice choose, which is every other.
    fn object(&mut self, members: &[(&str, Make)]) -> Value {
        let mut object = Map::new();
        for (name, make) in members {
            if self.below(2) > 0 {
                object.insert((*name).to_owned(), make(self));
            }
        }
        Value::Object(object)
    }

    fn list(&mut self, most: u32, make: Make) -> Value {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }
}

type Make = fn(&mut Dice) -> Value;

const FLAG: Make = |dice| dice.below(2).into();
const SMALL: Make = |dice| dice.of(&[0, 1, 2, 3, 5, 15, 30, 60, -1]).into();
const SIDE: Make = |dice| dice.of(&[0, 1, 50, 90, 250, 300, 640, 728, 70_000, -1]).into();
const BITS: Make = |dice| dice.some(4, &[0, 1, 2, 3, 5, 7, 13, 14, 31, 32, -1, 500]);
const SECONDS: Make = |dice| dice.some(3, &[6, 15, 20, 30, 0, -5]);
const PRICE: Make = Dice::price;
const CURRENCY: Make = |dice| dice.of(&["USD", "EUR", "usd", "", "JPYX"]).into();
const NAME: Make = |dice| dice.of(&["a", "b.example", "", "ü", "c\"d"]).into();
const NAMES: Make = |dice| dice.names(3, &["a", "b.example", "", "ü", "c\"d"]);
const MIMES: Make = |dice| {
    dice.names(3, &["video/mp4", "VIDEO/WEBM", "audio/mpeg", "image/png", "text/html", "x/y", ""])
};
const FLOORS: Make = |dice| {
    dice.list(3, |dice| dice.object(&[("mindur", SMALL), ("maxdur", SMALL), ("bidfloor", PRICE)]))
};
const FORMATS: Make = |dice| dice.list(3, |dice| dice.object(&[("w", SIDE), ("h", SIDE)]));

const BANNER: Make = |dice| {
    dice.object(&[
        ("w", SIDE),
        ("h", SIDE),
        ("format", FORMATS),
        ("battr", BITS),
        ("btype", BITS),
        ("api", BITS),
        ("expdir", BITS),
        ("mimes", MIMES),
    ])
};
const COMPANIONS: Make = |dice| dice.list(2, BANNER);

const AUDIO_MEMBERS: [(&str, Make); 17] = [
    ("mimes", MIMES),
    ("minduration", SMALL),
    ("maxduration", SMALL),
    ("protocols", BITS),
    ("startdelay", SMALL),
    ("battr", BITS),
    ("minbitrate", SMALL),
    ("maxbitrate", SMALL),
    ("companionad", COMPANIONS),
    ("api", BITS),
    ("maxseq", SMALL),
    ("poddur", SMALL),
    ("rqddurs", SECONDS),
    ("podid", NAME),
    ("slotinpod", SMALL),
    ("mincpmpersec", PRICE),
    ("durfloors", FLOORS),
];
const AUDIO: Make = |dice| dice.object(&AUDIO_MEMBERS);
const VIDEO: Make = |dice| {
    let mut members = AUDIO_MEMBERS.to_vec();
    members.extend([("w", SIDE), ("h", SIDE), ("linearity", SMALL), ("protocol", SMALL)]);
    members.extend([("skip", FLAG), ("plcmt", SMALL), ("poddedupe", BITS)]);
    dice.object(&members)
};

const ASSET: Make = |dice| {
    let kinds: [(&str, Make); 5] = [
        ("title", |dice| dice.object(&[("len", SMALL)])),
        ("img", |dice| {
            let sides = [("w", SIDE), ("h", SIDE), ("wmin", SIDE), ("hmin", SIDE)];
            dice.object(&[&sides[..], &[("type", SMALL), ("mimes", MIMES)]].concat())
        }),
        ("data", |dice| dice.object(&[("type", SMALL), ("len", SMALL)])),
        ("video", VIDEO),
        ("unheard", FLAG),
    ];
    let (kind, make) = dice.of(&kinds);
    let required: Make = |dice| u32::from(dice.below(8) == 0).into();
    let mut asset = dice.object(&[("id", SMALL), ("required", required)]);
    asset[kind] = make(dice);
    asset
};
const ASKED: Make = |dice| {
    let tracker: Make = |dice| dice.object(&[("event", SMALL), ("methods", BITS)]);
    let mut asked = dice.object(&[("privacy", FLAG)]);
    asked["assets"] = dice.list(3, ASSET);
    asked["eventtrackers"] = dice.list(2, tracker);
    asked
};
const NATIVE: Make = |dice| {
    let mut native = dice.object(&[("battr", BITS), ("api", BITS)]);
    let asked = ASKED(dice);
    let rooted = json!({ "native": asked });
    native["request"] = match dice.below(5) {
        0 => asked.to_string().into(),
        1 => rooted.to_string().into(),
        2 => "{\"assets\":[".into(),
        3 => rooted,
        _ => asked,
    };
    native
};

const DEAL: Make = |dice| {
    dice.object(&[
        ("id", NAME),
        ("bidfloor", PRICE),
        ("bidfloorcur", CURRENCY),
        ("at", SMALL),
        ("guar", SMALL),
        ("wseat", NAMES),
        ("wadomain", NAMES),
        ("mincpmpersec", PRICE),
        ("durfloors", FLOORS),
    ])
};
const PMP: Make =
    |dice| dice.object(&[("private_auction", FLAG), ("deals", |dice| dice.list(3, DEAL))]);

const IMPRESSION: Make = |dice| {
    let quantity: Make = |dice| dice.object(&[("multiplier", PRICE)]);
    let mut impression = dice.object(&[
        ("banner", BANNER),
        ("video", VIDEO),
        ("audio", AUDIO),
        ("native", NATIVE),
        ("pmp", PMP),
        ("bidfloor", PRICE),
        ("bidfloorcur", CURRENCY),
        ("secure", FLAG),
        ("instl", FLAG),
        ("rwdd", FLAG),
        ("exp", SMALL),
        ("qty", quantity),
    ]);
    impression["id"] = dice.below(4).to_string().into();
    impression
};

const CHAIN: Make = |dice| {
    let node: Make = |dice| dice.object(&[("asi", NAME), ("sid", NAME)]);
    let mut chain = dice.object(&[("complete", FLAG)]);
    chain["nodes"] = dice.list(3, node);
    chain
};
const SOURCE: Make =
    |dice| dice.object(&[("schain", CHAIN), ("ext", |dice| dice.object(&[("schain", CHAIN)]))]);

const DEVICE: Make = |dice| {
    let agent: Make = |dice| {
        dice.of(&[
            "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X)",
            "Mozilla/5.0 (Linux; Android 14; Pixel 8) Mobile",
            "Googlebot/2.1",
            "",
        ])
        .into()
    };
    let brand: Make = |dice| json!({ "brand": dice.of(&["Android", "iOS", "Windows", "HeadlessChrome", "", "Tizen"]) });
    let browsers: Make = |dice| {
        let brand: Make = |dice| json!({ "brand": dice.of(&["Chromium", "HeadlessChrome"]) });
        dice.list(2, brand)
    };
    let agents = dice.object(&[("platform", brand), ("mobile", FLAG), ("browsers", browsers)]);
    let mut device = dice.object(&[("ua", agent), ("os", NAME), ("devicetype", SMALL)]);
    if dice.below(2) == 0 {
        device["sua"] = agents;
    }
    device
};

const DSA: Make =
    |dice| dice.object(&[("dsarequired", SMALL), ("pubrender", SMALL), ("datatopub", SMALL)]);
const REGULATIONS: Make = |dice| {
    let extension: Make = |dice| dice.object(&[("dsa", DSA), ("gdpr", FLAG)]);
    dice.object(&[("coppa", FLAG), ("gdpr", FLAG), ("ext", extension)])
};

fn request(dice: &mut Dice) -> Value {
    let mut request = dice.object(&[
        ("source", SOURCE),
        ("device", DEVICE),
        ("regs", REGULATIONS),
        ("acat", NAMES),
        ("bcat", NAMES),
        ("cattax", SMALL),
        ("bapp", NAMES),
        ("badv", NAMES),
        ("wlang", NAMES),
        ("wlangb", NAMES),
        ("cur", |dice| dice.names(2, &["USD", "EUR"])),
        ("at", SMALL),
        ("tmax", SMALL),
    ]);
    request["id"] = "r".into();
    let impressions = 1 + dice.below(4) / 3;
    request["imp"] = (0..impressions).map(|_| IMPRESSION(dice)).collect();
    let inventory: (&str, Value) = match dice.below(4) {
        0 => ("site", json!({ "domain": "site.example" })),
        1 => ("app", json!({ "bundle": "com.example" })),
        2 => ("dooh", json!({ "domain": "screen.example" })),
        _ => return request,
    };
    request[inventory.0] = inventory.1;
    request
}

#[test]
fn ten_thousand_requests_of_all_kinds_are_told_alike_by_their_two_forms() {
    let mut dice = Dice(0);
    for _ in 0..REQUESTS {
        assert_same(&request(&mut dice).to_string());
    }
}
