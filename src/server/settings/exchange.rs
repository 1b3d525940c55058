//! `[[exchange]]`: a section of the machine's file becomes an exchange profile.
//!
//! A key that is not written has the value of the section's preset, else of the grammar.

use super::presets::Preset;
use crate::config::{Located, Section};
use crate::model::{Currency, ExchangeKey, Rates};
use crate::openrtb::profile::{
    BillingEvent, ClickMacro, Completeness, ExchangeProfile, IdSource, MarkupDelivery, NoBidStyle,
    PriceEncoding, RequiredField, SupplyChainRule,
};
use std::num::NonZeroU16;

/// The keys of an exchange, with what its preset knows of them.
struct Keys<'s, 'a> {
    section: &'s Section<'a>,
    preset: &'static Preset,
}

impl<'a> Keys<'_, 'a> {
    /// What the preset says of a key that is not written.
    fn preset_for(&self, name: &str) -> Option<&'static Preset> {
        (!self.section.has(name)).then_some(self.preset)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        let preset = self.preset_for(name).and_then(|preset| preset.text(name));
        preset.or_else(|| self.section.text(name))
    }

    fn integer(&self, name: &str) -> Option<i64> {
        let preset = self.preset_for(name).and_then(|preset| preset.integer(name));
        preset.or_else(|| self.section.integer(name))
    }

    fn flag(&self, name: &str) -> bool {
        let preset = self.preset_for(name).and_then(|preset| preset.flag(name));
        preset.unwrap_or_else(|| self.section.flag(name))
    }

    fn millis(&self, name: &str) -> Option<u32> {
        u32::try_from(self.integer(name)?).ok()
    }

    fn texts(&self, name: &str) -> Vec<Located<&'a str>> {
        match self.preset_for(name).and_then(|preset| preset.texts(name)) {
            Some(texts) => {
                let at = self.section.at();
                texts.iter().map(|text| Located { value: *text, at: at.clone() }).collect()
            }
            None => self.section.texts(name),
        }
    }

    fn click_macro(&self) -> Option<ClickMacro> {
        let written = self.section.table("click_macro").and_then(|inner| click_macro(&inner));
        written.or_else(|| self.preset_for("click_macro")?.click_macro())
    }
}

/// Reads an exchange. `None` comes with a fault.
pub(super) fn read(section: &Section<'_>, rates: &Rates) -> Option<ExchangeProfile> {
    let currencies = currencies(section, rates);
    let keys = Keys { section, preset: Preset::named(section.text("preset")?)? };
    let ids = ids(&keys);
    check_time(&keys);
    let price = price(&keys);
    let name = section.string("name")?;
    Some(ExchangeProfile {
        key: ExchangeKey::new(&name),
        name,
        no_bid: match keys.text("no_bid")? {
            "nbr" => NoBidStyle::Nbr,
            _ => NoBidStyle::NoContent,
        },
        version_header: keys.text("version_header").map(str::to_owned),
        tmax_default_ms: keys.millis("tmax_default_ms")?,
        network_allowance_ms: keys.millis("network_allowance_ms")?,
        currencies,
        ids,
        billing: match keys.text("billing")? {
            "nurl" => BillingEvent::Nurl,
            "pixel" => BillingEvent::Pixel,
            _ => BillingEvent::Burl,
        },
        price: price?,
        click_macro: keys.click_macro(),
        seat: section.string("seat"),
        answer_test_requests: section.flag("answer_test_requests"),
        hold_ttl: section.duration("hold_ttl")?,
        secure_by_default: section.flag("secure_by_default"),
        supply_chain: supply_chain(section)?,
        required_fields: required_fields(&keys),
        markup: match keys.text("markup")? {
            "win" => MarkupDelivery::OnWin,
            _ => MarkupDelivery::InBid,
        },
        requests_per_second_max: section.number_of("requests_per_second_max"),
        gzip_answers: keys.flag("gzip_answers"),
        gvl_id: keys.integer("gvl_id").and_then(|id| NonZeroU16::new(u16::try_from(id).ok()?)),
    })
}

fn supply_chain(section: &Section<'_>) -> Option<SupplyChainRule> {
    let chain = section.table_or_absent("supply_chain")?;
    let complete = match chain.text("complete")? {
        "required" => Completeness::Required,
        "if_present" => Completeness::IfPresent,
        _ => Completeness::NotAsked,
    };
    Some(SupplyChainRule { complete, nodes_max: chain.number_of("nodes_max") })
}

fn required_fields(keys: &Keys<'_, '_>) -> Vec<RequiredField> {
    let mut fields = Vec::new();
    for text in keys.texts("required") {
        let field = match text.value {
            "iurl" => RequiredField::SampleImage,
            "cat" => RequiredField::Categories,
            "attr" => RequiredField::Attributes,
            "language" => RequiredField::Language,
            "bundle" => RequiredField::Bundle,
            _ => continue,
        };
        if fields.contains(&field) {
            let message = format!("\"{}\" is there twice", text.value);
            keys.section.faults().error(&text.at, message, "each field once");
        }
        fields.push(field);
    }
    fields
}

/// The place of ids that `text` names; `space` is the exchange's own id space.
pub(super) fn parse_id_source(text: &str, space: &str) -> Option<IdSource> {
    let source_is_plain = |source: &str| (crate::config::rules::INVENTORY.holds)(source);
    match text {
        "buyeruid" => Some(IdSource::Buyeruid),
        "ifa" => Some(IdSource::Ifa),
        "eids" => Some(IdSource::AnyEid),
        "user.id" => Some(IdSource::UserId { space: space.to_owned() }),
        other => {
            let source = other.strip_prefix("eids:").filter(|source| source_is_plain(source))?;
            Some(IdSource::Eid { source: source.to_owned() })
        }
    }
}

fn ids(keys: &Keys<'_, '_>) -> Vec<IdSource> {
    let section = keys.section;
    let texts = keys.texts("ids");
    let own = texts.iter().any(|text| text.value == "user.id");
    if own && !section.has("user_id_space") && !section.may_be_incomplete() {
        let expected = "`user_id_space = \"...\"`: the id space of this exchange's ids";
        section.error("ids", "\"user.id\" without `user_id_space`", expected);
    }
    if !own && section.has("user_id_space") {
        let expected = "\"user.id\" in `ids`, or this key left out";
        let at = section.key_at("user_id_space");
        section.faults().error(&at, "`user_id_space` means nothing here", expected);
    }
    let space = section.text("user_id_space").unwrap_or_default();
    let mut ids = Vec::new();
    for text in texts {
        let Some(id) = parse_id_source(text.value, space) else { continue };
        if ids.contains(&id) {
            let message = format!("\"{}\" is there twice", text.value);
            section.faults().error(&text.at, message, "each place of ids once");
        }
        ids.push(id);
    }
    ids
}

/// The currencies; each must be convertible.
fn currencies(section: &Section<'_>, rates: &Rates) -> Vec<Currency> {
    let mut currencies = Vec::new();
    for text in section.texts("currencies") {
        let Some(currency) = Currency::parse(text.value) else { continue };
        if rates.usd_nanos(currency).is_none() {
            let expected =
                format!("a currency with a rate: add `{currency} = ...` to [currency] rates");
            section.faults().error(&text.at, format!("no exchange rate for {currency}"), expected);
        }
        currencies.push(currency);
    }
    currencies
}

/// How prices are written; keys are there exactly if they are encrypted.
fn price(keys: &Keys<'_, '_>) -> Option<PriceEncoding> {
    let section = keys.section;
    let encoding = match keys.text("price")? {
        "google" => PriceEncoding::Google,
        _ => PriceEncoding::Plain,
    };
    match (encoding, section.has("price_keys")) {
        (PriceEncoding::Google, false) if !section.may_be_incomplete() => {
            let expected = "`price_keys = { encryption = {...}, integrity = {...} }`";
            section.error("price", "encrypted prices without `price_keys`", expected);
        }
        (PriceEncoding::Plain, true) => {
            let at = section.key_at("price_keys");
            let expected = "`price = \"google\"`, or this key left out";
            section.faults().error(&at, "`price_keys` means nothing here", expected);
        }
        _ => {}
    }
    Some(encoding)
}

/// The network must leave some of the default time.
fn check_time(keys: &Keys<'_, '_>) {
    let (allowance, tmax) = (keys.integer("network_allowance_ms"), keys.integer("tmax_default_ms"));
    if let (Some(allowance), Some(tmax)) = (allowance, tmax)
        && allowance >= tmax
    {
        let message = format!("the network eats all of the {tmax} ms of `tmax_default_ms`");
        keys.section.error("network_allowance_ms", message, format!("less than {tmax}"));
    }
}

fn click_macro(section: &Section<'_>) -> Option<ClickMacro> {
    Some(ClickMacro { text: section.string("text")?, escape: section.flag("escape") })
}
