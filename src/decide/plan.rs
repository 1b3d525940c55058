//! Which message is due: by phase, by step, or by arm.

use crate::audience::Membership;
use crate::campaign::model::{Gap, Message, MessagePlan, Phase, PhaseStart};
use crate::model::{CampaignKey, Seconds, UnixSeconds, UserKey};

/// Keeps the arms of a comparison independent of the campaign's holdout.
const ARM_SALT: u64 = 0x6172_6d73;

/// What the choice of a message depends on.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// The campaign, as salt for its arms.
    pub campaign: CampaignKey,
    /// The person's first key.
    pub person: UserKey,
    /// The visit; none for prospecting.
    pub visit: Option<&'a Membership>,
    /// How many impressions of the campaign the person has had; only sequences look at it.
    pub shown: u32,
    /// Now.
    pub now: UnixSeconds,
}

/// The message that `plan` has for this moment; `None` while it is silent.
pub fn due<'a>(plan: &'a MessagePlan, moment: &Moment<'_>) -> Option<&'a Message> {
    match plan {
        MessagePlan::Single(message) => Some(message),
        MessagePlan::Phased { phases, gap, from } => {
            phase(phases, *gap, age(moment, *from)).map(|phase| &phase.message)
        }
        MessagePlan::Sequence(steps) => {
            let mut left = moment.shown;
            for step in steps {
                match step.impressions {
                    Some(length) if left >= length => left -= length,
                    _ => return Some(&step.message),
                }
            }
            None
        }
        MessagePlan::Ab(arms) => {
            let number = moment.person.split_per_10k(moment.campaign.0 ^ ARM_SALT);
            arms.iter().find(|arm| number < arm.below_per_10k).map(|arm| &arm.message)
        }
    }
}

fn age(moment: &Moment<'_>, from: PhaseStart) -> Seconds {
    moment.visit.map_or(Seconds(0), |visit| match from {
        PhaseStart::LastSeen => moment.now.since(visit.last_seen),
        PhaseStart::FirstSeen => moment.now.since(visit.first_seen),
    })
}

fn phase(phases: &[Phase], gap: Gap, age: Seconds) -> Option<&Phase> {
    let before = phases.iter().rev().find(|phase| phase.from <= age)?;
    (age < before.to || gap == Gap::Previous).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audience::ValueThousandths;
    use crate::campaign::model::{Arm, CreativeIndex, Step};
    use crate::model::{BidId, SegmentId};

    const DAY: u32 = 86_400;

    fn message(n: u32) -> Message {
        Message { creatives: vec![CreativeIndex(n)] }
    }

    fn said(plan: &MessagePlan, moment: &Moment<'_>) -> Option<u32> {
        due(plan, moment).map(|message| message.creatives[0].0)
    }

    fn moment(visit: Option<&Membership>, now_days: u32, shown: u32) -> Moment<'_> {
        let now = UnixSeconds(now_days * DAY);
        Moment { campaign: CampaignKey(1), person: UserKey(1), visit, shown, now }
    }

    /// Field note strategies.md rows 74 to 79: five weeks, the fourth unplanned.
    fn weeks(gap: Gap, from: PhaseStart) -> MessagePlan {
        let week = |n: u32, from: u32| Phase {
            from: Seconds(from * 7 * DAY),
            to: Seconds((from + 1) * 7 * DAY),
            message: message(n),
        };
        MessagePlan::Phased {
            phases: vec![week(1, 0), week(2, 1), week(3, 2), week(5, 4)],
            gap,
            from,
        }
    }

    fn visit(first_days: u32, last_days: u32) -> Membership {
        Membership {
            segment: SegmentId(0),
            first_seen: UnixSeconds(first_days * DAY),
            last_seen: UnixSeconds(last_days * DAY),
            expires: UnixSeconds::NEVER,
            count: 1,
            value: ValueThousandths(0),
        }
    }

    #[test]
    fn five_weeks_with_a_gap() {
        let visit = visit(100, 100);
        let by_week = |gap| -> Vec<Option<u32>> {
            let plan = weeks(gap, PhaseStart::LastSeen);
            (0..6).map(|week| said(&plan, &moment(Some(&visit), 100 + week * 7, 0))).collect()
        };
        assert_eq!(by_week(Gap::Silent), [Some(1), Some(2), Some(3), None, Some(5), None]);
        assert_eq!(by_week(Gap::Previous), [Some(1), Some(2), Some(3), Some(3), Some(5), Some(5)]);
    }

    #[test]
    fn coming_back_starts_a_plan_again_unless_it_runs_once() {
        let visit = visit(100, 108);
        let again = weeks(Gap::Silent, PhaseStart::LastSeen);
        let once = weeks(Gap::Silent, PhaseStart::FirstSeen);
        assert_eq!(said(&again, &moment(Some(&visit), 108, 0)), Some(1));
        assert_eq!(said(&once, &moment(Some(&visit), 108, 0)), Some(2));
    }

    #[test]
    fn a_sequence_goes_on_with_impressions() {
        let step = |n, impressions| Step { impressions, message: message(n) };
        let endless =
            MessagePlan::Sequence(vec![step(1, Some(2)), step(2, Some(1)), step(3, None)]);
        let steps: Vec<_> = (0..6).map(|shown| said(&endless, &moment(None, 1, shown))).collect();
        assert_eq!(steps, [Some(1), Some(1), Some(2), Some(3), Some(3), Some(3)]);
        let ending = MessagePlan::Sequence(vec![step(1, Some(2))]);
        assert_eq!(said(&ending, &moment(None, 1, 2)), None);
    }

    #[test]
    fn arms_are_sticky_and_follow_their_weights() {
        let arm = |n, below| Arm { name: n_to(n), below_per_10k: below, message: message(n) };
        let plan = MessagePlan::Ab(vec![arm(1, 2_500), arm(2, 10_000)]);
        let person = |n: u64| Moment { person: UserKey(BidId::nth(3, n).0), ..moment(None, 1, 0) };
        let first = (0..100_000).filter(|n| said(&plan, &person(*n)) == Some(1)).count();
        assert!((24_000..26_000).contains(&first), "{first}");
        assert!((0..100).all(|n| said(&plan, &person(n)) == said(&plan, &person(n))));
    }

    fn n_to(n: u32) -> String {
        format!("arm {n}")
    }
}
