//! Markup that travels in the answer to the win notice.
//!
//! Guarantees: only the claim, which is signed, says which creative it is; the query only
//! chooses among that creative's own variants, and what is none of them is refused. The same
//! notice gives the same markup however often it comes, until its time is over.

use super::writing::Pen;
use super::{Bidder, ExchangeDesk};
use crate::campaign::model::CreativeBody;
use crate::ledger::Claim;
use crate::message::Wanted;
use crate::notice::variant;
use crate::openrtb::Form;
use crate::openrtb::offer::Medium;
use crate::openrtb::profile::MarkupDelivery;
use crate::server::clock;
use crate::server::service::{NoticeAnswer, StatusCode};

const HTML: &str = "text/html; charset=utf-8";
const VAST: &str = "application/xml; charset=utf-8";

impl Bidder {
    /// The markup of a bid that won; `None` where this exchange's markup travels in the bid.
    pub(super) fn markup_on_win(&self, claim: &Claim, query: &str) -> Option<NoticeAnswer> {
        let desk = self.desk_of(claim.exchange)?;
        let served = self.served.load();
        let by_win = desk.profile.markup == MarkupDelivery::OnWin;
        let Some(index) = served.business.creatives.get(&claim.creative).filter(|_| by_win) else {
            return by_win.then_some(super::notices::NO_LONGER_RUNNING);
        };
        let creative = &served.business.book.creatives[index.0 as usize];
        if creative.body.medium() == Medium::Native {
            return None;
        }
        if clock::now() >= claim.notices_end {
            return Some(NoticeAnswer::Refused(StatusCode::GONE, "this link has expired"));
        }
        let choice = match &creative.body {
            CreativeBody::Video(ad) | CreativeBody::Audio(ad) => {
                let choice = variant::in_query(query).filter(|choice| choice.is_of(ad));
                let refused = "the ad has no such variant";
                let Some(choice) = choice else {
                    return Some(NoticeAnswer::Refused(StatusCode::BAD_REQUEST, refused));
                };
                Some(choice)
            }
            _ => None,
        };
        let content_type = if choice.is_some() { VAST } else { HTML };
        let wanted = choice.map_or(Wanted::Banner, Wanted::Spot);
        let markup = &served.business.templates[index.0 as usize];
        let mut body = Vec::new();
        self.pen_for(claim, desk).fill(desk.profile.billing, |fill| {
            markup.write(&wanted, (fill, Form::Protobuf), &mut body);
        });
        Some(NoticeAnswer::Markup { content_type, body })
    }

    /// A pen that has addressed the notices of `claim` anew: as they were in the bid, but for
    /// the key that signs, which may be newer.
    fn pen_for(&self, claim: &Claim, desk: &ExchangeDesk) -> Pen {
        let mut pen = Pen::default();
        pen.address(claim, &desk.profile, self.letterhead());
        pen.address_spot(self.letterhead());
        pen
    }
}
