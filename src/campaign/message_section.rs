//! `[[campaign.message]]`: what is said: one message, phases, steps, or arms of a comparison.

use super::advertiser_file::Ids;
use super::model::{Arm, CreativeIndex, Gap, Message, MessagePlan, Phase, PhaseStart, Step};
use crate::config::Section;
use crate::model::Seconds;
use std::ops::Range;

/// The keys that make a plan of messages, and those that come with each.
const PLAN_KEYS: [&str; 3] = ["phase", "step", "arm"];

/// Split numbers of a comparison.
const SPLITS: u64 = 10_000;

/// Reads the messages of a campaign. `None` comes with a fault.
pub(super) fn read(campaign: &Section<'_>, creatives: &Ids<'_>) -> Option<MessagePlan> {
    let sections = campaign.tables("message");
    let messages: Vec<_> = sections.iter().map(|section| message(section, creatives)).collect();
    let key = plan_key(&sections)?;
    check_companions(campaign, &sections, key);
    let plan = match key {
        Some("phase") => phased(campaign, &sections),
        Some("step") => sequence(&sections),
        Some(_) => comparison(&sections),
        None => single(&sections),
    };
    let messages: Vec<Message> = messages.into_iter().collect::<Option<_>>()?;
    Some(plan?.with(messages))
}

/// Reads `"0d..7d"`, or `"7d.."` for an open end.
pub(super) fn parse_phase(text: &str) -> Option<Range<Seconds>> {
    let (from, to) = text.split_once("..")?;
    let from = Seconds::parse(from).ok()?;
    let to = if to.is_empty() { Seconds(u32::MAX) } else { Seconds::parse(to).ok()? };
    (from < to).then_some(from..to)
}

/// A plan without its messages.
enum Skeleton {
    Single,
    Phased(Vec<Range<Seconds>>, Gap, PhaseStart),
    Sequence(Vec<Option<u32>>),
    Ab(Vec<(String, u16)>),
}

impl Skeleton {
    /// Fills in the messages, one for each part of the plan.
    fn with(self, messages: Vec<Message>) -> MessagePlan {
        let messages = messages.into_iter();
        match self {
            Self::Single => {
                MessagePlan::Single(messages.last().unwrap_or(Message { creatives: Vec::new() }))
            }
            Self::Phased(spans, gap, from) => {
                let phase = |(span, message): (Range<Seconds>, _)| Phase {
                    from: span.start,
                    to: span.end,
                    message,
                };
                let phases = spans.into_iter().zip(messages).map(phase).collect();
                MessagePlan::Phased { phases, gap, from }
            }
            Self::Sequence(counts) => {
                let step = |(impressions, message)| Step { impressions, message };
                MessagePlan::Sequence(counts.into_iter().zip(messages).map(step).collect())
            }
            Self::Ab(arms) => {
                let arm = |((name, below_per_10k), message)| Arm { name, below_per_10k, message };
                MessagePlan::Ab(arms.into_iter().zip(messages).map(arm).collect())
            }
        }
    }
}

/// The creatives of a message.
fn message(section: &Section<'_>, known: &Ids<'_>) -> Option<Message> {
    let mut creatives = Vec::new();
    for id in section.texts("creatives") {
        // Where some creative's id could not be read, an unknown id may well be that one.
        let index = *known.as_ref()?.get(id.value).or_else(|| {
            let message = format!("no creative `{}` in this file", id.value);
            section.faults().error(&id.at, message, "the `id` of a [[creative]]");
            None
        })?;
        creatives.push(CreativeIndex(index as u32));
    }
    Some(Message { creatives })
}

/// The key that makes the plan; outer `None`: the messages differ, which is a fault.
#[expect(clippy::option_option, reason = "a mixture and a plain message are two things")]
fn plan_key(sections: &[Section<'_>]) -> Option<Option<&'static str>> {
    let keys_of = |section: &Section<'_>| {
        PLAN_KEYS.iter().copied().filter(|key| section.has(key)).collect::<Vec<_>>()
    };
    let first = keys_of(sections.first()?);
    for section in sections {
        let own = keys_of(section);
        if own.is_empty() && section.may_be_incomplete() {
            return None;
        }
        if own.len() > 1 || own != first {
            let expected =
                "either `phase`, or `step`, or `arm`, the same in all messages of a campaign";
            section.faults().error(section.at(), "a mixture of message plans", expected);
            return None;
        }
    }
    Some(first.first().copied())
}

/// Refuses keys that mean nothing for this plan, so that none is silently ignored.
fn check_companions(campaign: &Section<'_>, sections: &[Section<'_>], plan: Option<&str>) {
    let refuse = |section: &Section<'_>, name: &str, owner: &str| {
        if section.has(name) && plan != Some(owner) {
            let message = format!("`{name}` means nothing without `{owner}`");
            let expected = format!("messages with `{owner}`, or this key left out");
            section.faults().error(&section.key_at(name), message, expected);
        }
    };
    refuse(campaign, "gap", "phase");
    refuse(campaign, "phase_from", "phase");
    for section in sections {
        refuse(section, "impressions", "step");
        refuse(section, "weight", "arm");
    }
}

fn single(sections: &[Section<'_>]) -> Option<Skeleton> {
    if let Some(second) = sections.get(1) {
        let expected = "`phase`, `step` or `arm` in each, to say which message when";
        second.faults().error(second.at(), "several messages and no plan", expected);
        return None;
    }
    Some(Skeleton::Single)
}

fn phased(campaign: &Section<'_>, sections: &[Section<'_>]) -> Option<Skeleton> {
    let mut spans: Vec<Range<Seconds>> = Vec::new();
    for section in sections {
        let span = section.text("phase").and_then(parse_phase)?;
        if let Some(before) = spans.last().filter(|before| span.start < before.end) {
            let expected =
                format!("a start at or after {}, where the phase before ends", before.end);
            section.error("phase", format!("this phase starts at {}", span.start), expected);
        }
        spans.push(span);
    }
    let gap = if campaign.text("gap")? == "previous" { Gap::Previous } else { Gap::Silent };
    let from = match campaign.text("phase_from")? {
        "first_seen" => PhaseStart::FirstSeen,
        _ => PhaseStart::LastSeen,
    };
    Some(Skeleton::Phased(spans, gap, from))
}

fn sequence(sections: &[Section<'_>]) -> Option<Skeleton> {
    let mut counts = Vec::new();
    for (n, section) in sections.iter().enumerate() {
        let step = section.integer("step")?;
        if step != n as i64 + 1 {
            section.error(
                "step",
                format!("this is step {step}"),
                format!("{}: steps in order", n + 1),
            );
        }
        let is_last = n + 1 == sections.len();
        let impressions = section.number_of("impressions");
        if !is_last && !section.has("impressions") && !section.may_be_incomplete() {
            let expected = "`impressions = 3`: after so many the next step begins";
            section.faults().error(section.at(), "a step that never ends", expected);
        }
        if is_last && impressions.is_some() {
            let expected =
                "no `impressions` on the last step: it goes on for ever; see `stop_after`";
            section.error("impressions", "an end of the last step", expected);
        }
        counts.push(impressions);
    }
    Some(Skeleton::Sequence(counts))
}

fn comparison(sections: &[Section<'_>]) -> Option<Skeleton> {
    let mut arms: Vec<(String, u64)> = Vec::new();
    for section in sections {
        if !section.has("weight") && !section.may_be_incomplete() {
            let expected = "`weight = 50`: the arm's share";
            section.faults().error(section.at(), "an arm without `weight`", expected);
        }
        let name = section.string("arm")?;
        if arms.iter().any(|(earlier, _)| *earlier == name) {
            section.error("arm", format!("arm `{name}` is there twice"), "a name of its own");
        }
        arms.push((name, section.number_of("weight")?));
    }
    if let [_] = arms[..] {
        let only = sections.first()?;
        only.error("arm", "a comparison of one", "a second message with an `arm`, or no `arm`");
    }
    Some(Skeleton::Ab(split(&arms)))
}

/// Turns weights into split numbers: each arm ends where the next begins, the last at 10,000.
fn split(arms: &[(String, u64)]) -> Vec<(String, u16)> {
    let total: u64 = arms.iter().map(|(_, weight)| weight).sum::<u64>().max(1);
    let mut so_far = 0;
    let below = arms.iter().map(|(name, weight)| {
        so_far += weight;
        (name.clone(), (so_far * SPLITS / total) as u16)
    });
    below.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn phases() {
        assert_eq!(parse_phase("0d..7d"), Some(Seconds(0)..Seconds(604_800)));
        assert_eq!(parse_phase("7d.."), Some(Seconds(604_800)..Seconds(u32::MAX)));
        for bad in ["", "..", "7d", "7d..7d", "7d..1d", "..7d", "0..7", "0d..7d..9d"] {
            assert_eq!(parse_phase(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn arms_share_all_split_numbers_by_weight(
            weights in prop::collection::vec(1_u64..=10_000, 2..20),
        ) {
            let arms: Vec<_> = weights.iter().map(|weight| (String::new(), *weight)).collect();
            let ends = split(&arms);
            prop_assert_eq!(ends.last().map(|(_, end)| *end), Some(10_000));
            let total: u64 = weights.iter().sum();
            let mut before = 0;
            for ((_, end), weight) in ends.iter().zip(&weights) {
                let share = f64::from(end - before) / 10_000.0;
                prop_assert!((share - *weight as f64 / total as f64).abs() <= 0.000_1);
                before = *end;
            }
        }
    }
}
