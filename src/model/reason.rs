//! The one enum of every "no": metrics, explain, reports and `nbr` share its words.

/// Why there was no bid: for a request as a whole, or for one campaign on one impression.
///
/// The variants stand in the order in which the gates are passed, so a later variant means
/// that the request, or the campaign, got further.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum NoBidReason {
    // --- the request as a whole ---
    /// The body is not an acceptable bid request (answered 400).
    InvalidRequest,
    /// No audience snapshot is loaded, or the server is draining.
    NotReady,
    /// The server has more work than its bound allows.
    Overload,
    /// The exchange sends more requests a second than its profile allows.
    OverRate,
    /// `test=1` on an exchange whose profile does not answer test requests.
    TestRequest,
    /// The site or app is on the operator's block list.
    BlockedInventory,
    /// The supply chain is absent, incomplete or too long for this exchange's profile.
    SupplyChainIncomplete,
    /// A seller of the supply chain is on the operator's block list.
    SupplyChainBlocked,
    /// None of our seats may bid (`wseat` / `bseat`).
    SeatNotAllowed,
    /// None of the request's currencies has a rate here.
    CurrencyUnknown,
    /// An auction type this bidder does not know how to price.
    AuctionType,
    /// `tmax` less the network allowance leaves no time to answer.
    TimeTooShort,
    /// No impression of a kind that this bidder can fill.
    NoUsableImpression,
    /// A child-directed request (COPPA): no identity, no retargeting.
    Coppa,
    /// The person opted out: under a US law (us_privacy, GPC, GPP), or with us.
    OptedOut,
    /// GDPR applies and there is no consent that this bidder can rely on.
    ConsentMissing,
    /// The device asks not to be tracked (`lmt`, `dnt`, app tracking refused).
    TrackingLimited,
    /// The request carries no user id that this exchange's profile accepts.
    NoUserId,
    /// None of the request's ids is in the audience.
    UnknownUser,
    /// The user agent is a crawler's. Asked last of all that concerns the request as a whole,
    /// since reading it costs more than the gates before.
    Crawler,
    // --- one campaign on one impression ---
    /// The person did what the campaign is for (bought, say) since the visit that led here.
    Burned,
    /// The person is in no segment that the campaign's audience needs, or the rule is not met.
    NotInAudience,
    /// The campaign is paused.
    Paused,
    /// Before the flight.
    FlightNotStarted,
    /// After the flight.
    FlightEnded,
    /// Outside the hours of the campaign's dayparts.
    OutsideDaypart,
    /// The campaign does not buy on this exchange.
    ExchangeExcluded,
    /// Country or region not targeted, or unknown where a target is set.
    GeoExcluded,
    /// Device type or operating system not targeted.
    DeviceExcluded,
    /// Site, app or kind of inventory not targeted.
    InventoryExcluded,
    /// The publisher blocks the campaign's category (`bcat`).
    CategoryBlocked,
    /// The publisher blocks the advertiser's domain (`badv`).
    AdvertiserBlocked,
    /// The publisher blocks the advertised app (`bapp`).
    AppBlocked,
    /// Less than `start_after` since the person's last visit.
    TooEarly,
    /// More than `stop_after` since the person's last visit.
    TooLate,
    /// The message plan is silent at this time, or its sequence has ended.
    NoMessage,
    /// No creative of the message is of a kind (banner, video, audio, native) that is on offer.
    FormatMismatch,
    /// No creative of the message has a size that the impression asks for.
    SizeMismatch,
    /// No video or audio creative has a duration, file or protocol that the spot takes.
    SpotMismatch,
    /// No native creative has every asset that is required.
    AssetMissing,
    /// The creative carries an attribute that the impression blocks (`battr`), or is not secure.
    CreativeBlocked,
    /// The creative lacks a field that this exchange wants on every bid.
    CreativeIncomplete,
    /// The creative's language is not one that is welcome (`wlang`), or is not known.
    LanguageExcluded,
    /// The Digital Services Act asks for what this advertiser or creative cannot say or show.
    TransparencyMissing,
    /// Only deals are wanted, by the publisher or by the campaign, and none is open to it.
    DealMissing,
    /// A frequency cap is full.
    FrequencyCap,
    /// Too soon after the last impression (`min_gap`).
    MinGap,
    /// No rate between the campaign's currency and the auction's.
    CurrencyMismatch,
    /// The daily or total budget has no room for this bid.
    BudgetSpent,
    /// Even pacing: the campaign is ahead of its plan.
    PacingAhead,
    /// The rest of the budget is leased to other nodes, or this node's lease has no room and more
    /// has been asked for.
    AwaitingLease,
    /// The price falls below the campaign's own minimum.
    BelowMinimum,
    /// The price is below the impression's floor.
    BelowFloor,
    /// The person belongs to the campaign's holdout: decided fully, not shown (ghost bid).
    Holdout,
    /// Another candidate was dearer on this impression.
    Outranked,
    /// The budget was taken by a concurrent bid between deciding and holding.
    HoldRefused,
    /// After an unclean stop: bids of before it may still be billed, so that a cap or a budget
    /// cannot be known to have room yet.
    Recovering,
    /// The decision took longer than the budget.
    Late,
}

/// Every reason, in gate order: for metrics tables and tests.
pub const ALL_REASONS: [NoBidReason; 58] = {
    use NoBidReason as R;
    [
        R::InvalidRequest,
        R::NotReady,
        R::Overload,
        R::OverRate,
        R::TestRequest,
        R::BlockedInventory,
        R::SupplyChainIncomplete,
        R::SupplyChainBlocked,
        R::SeatNotAllowed,
        R::CurrencyUnknown,
        R::AuctionType,
        R::TimeTooShort,
        R::NoUsableImpression,
        R::Coppa,
        R::OptedOut,
        R::ConsentMissing,
        R::TrackingLimited,
        R::NoUserId,
        R::UnknownUser,
        R::Crawler,
        R::Burned,
        R::NotInAudience,
        R::Paused,
        R::FlightNotStarted,
        R::FlightEnded,
        R::OutsideDaypart,
        R::ExchangeExcluded,
        R::GeoExcluded,
        R::DeviceExcluded,
        R::InventoryExcluded,
        R::CategoryBlocked,
        R::AdvertiserBlocked,
        R::AppBlocked,
        R::TooEarly,
        R::TooLate,
        R::NoMessage,
        R::FormatMismatch,
        R::SizeMismatch,
        R::SpotMismatch,
        R::AssetMissing,
        R::CreativeBlocked,
        R::CreativeIncomplete,
        R::LanguageExcluded,
        R::TransparencyMissing,
        R::DealMissing,
        R::FrequencyCap,
        R::MinGap,
        R::CurrencyMismatch,
        R::BudgetSpent,
        R::PacingAhead,
        R::AwaitingLease,
        R::BelowMinimum,
        R::BelowFloor,
        R::Holdout,
        R::Outranked,
        R::HoldRefused,
        R::Recovering,
        R::Late,
    ]
};

impl NoBidReason {
    /// The word used in metrics labels, explain and reports.
    pub fn label(self) -> &'static str {
        use NoBidReason as R;
        match self {
            R::InvalidRequest => "invalid_request",
            R::NotReady => "not_ready",
            R::Overload => "overload",
            R::OverRate => "over_rate",
            R::TestRequest => "test_request",
            R::BlockedInventory => "blocked_inventory",
            R::Crawler => "crawler",
            R::SupplyChainIncomplete => "supply_chain_incomplete",
            R::SupplyChainBlocked => "supply_chain_blocked",
            R::SeatNotAllowed => "seat_not_allowed",
            R::CurrencyUnknown => "currency_unknown",
            R::AuctionType => "auction_type",
            R::TimeTooShort => "time_too_short",
            R::Coppa => "coppa",
            R::TrackingLimited => "tracking_limited",
            R::OptedOut => "opted_out",
            R::ConsentMissing => "consent_missing",
            R::NoUsableImpression => "no_usable_impression",
            R::NoUserId => "no_user_id",
            R::UnknownUser => "unknown_user",
            R::Burned => "burned",
            R::NotInAudience => "not_in_audience",
            R::Paused => "paused",
            R::FlightNotStarted => "flight_not_started",
            R::FlightEnded => "flight_ended",
            R::OutsideDaypart => "outside_daypart",
            R::ExchangeExcluded => "exchange_excluded",
            R::GeoExcluded => "geo_excluded",
            R::DeviceExcluded => "device_excluded",
            R::InventoryExcluded => "inventory_excluded",
            R::CategoryBlocked => "category_blocked",
            R::AdvertiserBlocked => "advertiser_blocked",
            R::AppBlocked => "app_blocked",
            other => other.label_of_the_last_gates(),
        }
    }

    /// The labels of the gates from timing on (split only to keep each table on a page).
    fn label_of_the_last_gates(self) -> &'static str {
        use NoBidReason as R;
        match self {
            R::TooEarly => "too_early",
            R::TooLate => "too_late",
            R::NoMessage => "no_message",
            R::FormatMismatch => "format_mismatch",
            R::SizeMismatch => "size_mismatch",
            R::SpotMismatch => "spot_mismatch",
            R::AssetMissing => "asset_missing",
            R::CreativeBlocked => "creative_blocked",
            R::CreativeIncomplete => "creative_incomplete",
            R::LanguageExcluded => "language_excluded",
            R::TransparencyMissing => "transparency_missing",
            R::DealMissing => "deal_missing",
            R::FrequencyCap => "frequency_cap",
            R::MinGap => "min_gap",
            R::BudgetSpent => "budget_spent",
            R::PacingAhead => "pacing_ahead",
            R::AwaitingLease => "awaiting_lease",
            R::CurrencyMismatch => "currency_mismatch",
            R::BelowMinimum => "below_minimum",
            R::BelowFloor => "below_floor",
            R::Holdout => "holdout",
            R::Outranked => "outranked",
            R::HoldRefused => "hold_refused",
            R::Recovering => "recovering",
            _ => "late",
        }
    }

    /// The OpenRTB no-bid code (list "No-Bid Reason Codes" of OpenRTB 3.0, shared with 2.6).
    pub fn nbr(self) -> u32 {
        use NoBidReason as R;
        match self {
            R::NotReady | R::Overload | R::OverRate | R::HoldRefused | R::Recovering => 1,
            R::InvalidRequest => 2,
            R::Crawler => 3,
            R::BlockedInventory => 7,
            R::Coppa
            | R::TrackingLimited
            | R::OptedOut
            | R::ConsentMissing
            | R::NoUserId
            | R::UnknownUser
            | R::Burned
            | R::NotInAudience => 8,
            R::FrequencyCap | R::MinGap => 9,
            R::TimeTooShort | R::Late => 15,
            R::SupplyChainIncomplete => 16,
            R::SupplyChainBlocked => 17,
            R::DeviceExcluded => 6,
            _ => 0,
        }
    }

    /// Whether it is about a creative on an impression, rather than the campaign as a whole.
    pub fn is_of_creatives(self) -> bool {
        (Self::FormatMismatch..=Self::DealMissing).contains(&self)
    }

    /// Position in [`ALL_REASONS`].
    pub fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete_ordered_and_has_distinct_labels() {
        let mut labels = std::collections::HashSet::new();
        for (position, reason) in ALL_REASONS.into_iter().enumerate() {
            assert_eq!(reason.index(), position, "{reason:?}");
            assert!(labels.insert(reason.label()), "{} twice", reason.label());
        }
        assert_eq!(
            ALL_REASONS.last(),
            Some(&NoBidReason::Late),
            "the last variant is the last row"
        );
    }
}
