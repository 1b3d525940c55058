//! May this campaign bid? Gate after gate, to the first "no".
//!
//! - [`target`] where, when and on what the campaign may run
//! - [`publisher`] what the publisher does not want
//! - [`fitting`] which creative fits which impression
//! - [`banner`] which pictures and HTML fit a banner
//! - [`quote`] what reaching the person is worth
//! - [`terms`] at what price and on which deal, and whether there is money for it
//!
//! The order of the gates is the order of [`NoBidReason`]: cheap and static ones first, then
//! the person, the message, caps, the price and its limits.

mod banner;
mod fitting;
mod publisher;
mod quote;
mod target;
mod terms;

use super::offers::Offers;
use super::world::Case;
use super::{Candidate, Compared, No, Observer, plan};
use crate::audience::{Membership, Person};
use crate::campaign::model::{Advertiser, Campaign, CampaignIndex, Message, MessagePlan};
use crate::ledger::{CapRefusal, Scope};
use crate::model::{Currency, NoBidReason, UserKey};
use crate::openrtb::user_agent::UserAgentClass;

pub use fitting::duration_s;
pub use publisher::LastShop;
pub(super) use publisher::same_category;

/// Keeps the holdout independent of the arms.
const HOLDOUT_SALT: u64 = 0x686f_6c64;

type Gate<T> = Result<T, No>;

/// Judges campaigns for one person of one request.
pub struct Judge<'j, 'c, 'r> {
    /// The request, the world, the moment.
    pub case: &'j Case<'c, 'r>,
    /// The person; nobody where nobody may be recognised.
    pub person: &'j Person,
    /// Why nobody may be recognised, where campaigns are shown by context alone.
    pub unrecognised: Option<NoBidReason>,
    /// The currency of the bid.
    pub currency: Currency,
    /// What the user agent says of the device.
    pub agent: UserAgentClass,
    /// What the impressions offer.
    pub offers: &'j Offers<'j, 'c, 'r>,
    /// What the publisher says of the shop that was judged last.
    pub welcome: LastShop,
}

impl<'j, 'c> Judge<'j, 'c, '_> {
    /// Judges one campaign.
    ///
    /// # Errors
    /// The last gate that it reached; `observer` has the details.
    pub fn campaign(
        &self,
        index: CampaignIndex,
        observer: &mut impl Observer,
    ) -> Result<Candidate, NoBidReason> {
        self.judge(index, observer).map_err(|no| {
            observer.no(index, None, no);
            no.reason
        })
    }

    fn judge(&self, index: CampaignIndex, observer: &mut impl Observer) -> Gate<Candidate> {
        let (campaign, advertiser) = self.case.world.campaign(index);
        if let Some(reason) = self.unrecognised.filter(|_| !campaign.contextual) {
            return Err(reason.into());
        }
        let visit = self.visit(campaign);
        self.burned(campaign, visit)?;
        if !campaign.audience.holds(self.person, self.case.now) {
            return Err(NoBidReason::NotInAudience.into());
        }
        self.flight(campaign)?;
        self.target(campaign)?;
        self.publisher(campaign, advertiser)?;
        self.timing(campaign, visit)?;
        let message = self.message(campaign, visit)?;
        let fitting = self.fitting(index, message, observer)?;
        self.caps(campaign, advertiser)?;
        let quote = self.quote(index, visit)?;
        observer.priced(index, &quote);
        let fits = self.terms(index, (fitting, &quote), observer)?;
        Ok(Candidate { campaign: index, quote, fits, ghost: self.is_held_out(campaign) })
    }

    /// Where nobody is recognised there is nobody to hold out.
    fn is_held_out(&self, campaign: &Campaign) -> bool {
        let first = self.person.keys.first();
        first.is_some_and(|key| {
            key.split_per_10k(campaign.key.0 ^ HOLDOUT_SALT) < campaign.holdout_per_10k
        })
    }

    /// The visit that triggers the campaign: the newest among its anchors.
    pub fn visit(&self, campaign: &Campaign) -> Option<&'j Membership> {
        let live = |segment| self.person.live(segment, self.case.now);
        campaign.anchors.iter().filter_map(|segment| live(*segment)).max_by_key(|one| one.last_seen)
    }

    /// Whoever did what the campaign is for, not before the visit that led here, is let be: an
    /// event of the same second counts as after it. Where no visit is needed, ever doing it
    /// suffices. Asked before the audience, so that it is told also where the audience says
    /// the same.
    fn burned(&self, campaign: &Campaign, visit: Option<&Membership>) -> Gate<()> {
        let conversion = campaign.burned_by.and_then(|by| self.person.live(by, self.case.now));
        let since = |one: &&Membership| visit.is_none_or(|visit| one.last_seen >= visit.last_seen);
        match conversion.filter(since) {
            Some(conversion) if visit.is_some() || campaign.anchors.is_empty() => {
                let compared = Compared::Moment(conversion.last_seen);
                Err(No { reason: NoBidReason::Burned, compared })
            }
            _ => Ok(()),
        }
    }

    fn timing(&self, campaign: &Campaign, visit: Option<&Membership>) -> Gate<()> {
        let Some(age) = visit.map(|visit| visit.age(self.case.now)) else { return Ok(()) };
        let compared = |limit| Compared::Age { age, limit };
        if age < campaign.start_after {
            let compared = compared(campaign.start_after);
            return Err(No { reason: NoBidReason::TooEarly, compared });
        }
        match campaign.stop_after.filter(|limit| age >= *limit) {
            Some(limit) => Err(No { reason: NoBidReason::TooLate, compared: compared(limit) }),
            None => Ok(()),
        }
    }

    fn message(&self, campaign: &'c Campaign, visit: Option<&Membership>) -> Gate<&'c Message> {
        let (keys, ledger) = (&self.person.keys, self.case.world.ledger);
        // Only a sequence asks how far it has come, and the ledger's answer is a cache miss.
        let shown = match campaign.plan {
            MessagePlan::Sequence(_) => ledger.shown_total(keys, campaign.key.into()),
            _ => 0,
        };
        // Whoever is not recognised is split by the request: it says nothing of the person.
        let by_request = || UserKey::new("request", &self.case.request.id);
        let moment = plan::Moment {
            campaign: campaign.key,
            person: keys.first().copied().unwrap_or_else(by_request),
            visit,
            shown,
            now: self.case.now,
        };
        plan::due(&campaign.plan, &moment).ok_or_else(|| NoBidReason::NoMessage.into())
    }

    fn caps(&self, campaign: &Campaign, advertiser: &Advertiser) -> Gate<()> {
        let (ledger, keys) = (self.case.world.ledger, &self.person.keys);
        let advertiser_scope: Scope = advertiser.key.into();
        ledger
            .check_caps(keys, (campaign.key.into(), &campaign.caps), self.case.now)
            .and_then(|()| {
                ledger.check_caps(keys, (advertiser_scope, &advertiser.caps), self.case.now)
            })
            .map_err(|refusal| No {
                reason: cap_reason(&refusal),
                compared: Compared::Cap(refusal),
            })
    }
}

/// The reason by which a refusing cap is counted.
pub fn cap_reason(refusal: &CapRefusal) -> NoBidReason {
    match refusal {
        CapRefusal::Window { .. } => NoBidReason::FrequencyCap,
        CapRefusal::Gap { .. } => NoBidReason::MinGap,
    }
}
