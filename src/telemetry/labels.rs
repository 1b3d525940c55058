//! The closed sets of words that metrics use as label values.
//!
//! Each is an enum with a stable label and an index, so that a metric is an array of handles
//! and counting is one indexed increment. Must not contain anything that a client can choose.

use crate::model::Progress;

/// Declares an enum of label values with `ALL`, `label` and `index`.
macro_rules! labelled {
    ($(#[$about:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $label:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum $name { $($(#[$what])* $variant,)+ }

        impl $name {
            /// Every value, in the order of its index.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word in the metric's label.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }

            /// Position in [`Self::ALL`].
            pub fn index(self) -> usize {
                self as usize
            }
        }
    };
}

labelled! {
    /// How a bid request ended.
    RequestOutcome {
        /// Answered with a bid.
        Bid = "bid",
        /// Answered, with a reason not to bid.
        NoBid = "no_bid",
        /// Not an acceptable bid request: 400.
        BadRequest = "bad_request",
        /// The decision took longer than its budget.
        Late = "late",
        /// Answered "no bid" without being read, for want of room.
        Shed = "shed",
        /// Refused by the server before it was understood ([`Refusal`] says why).
        Refused = "refused",
    }
}

labelled! {
    /// Why the server refused a bid request before the bidder saw it (or, for a panic, while).
    Refusal {
        /// The body is larger than allowed, before or after decompression.
        TooLarge = "too_large",
        /// A content encoding that is neither gzip nor none, or gzip inside gzip.
        UnknownEncoding = "unknown_encoding",
        /// The body says it is gzip and is not, or is cut short.
        BadGzip = "bad_gzip",
        /// The client went away, or broke the protocol, within the body.
        BodyAborted = "body_aborted",
        /// Too many bytes of bodies were in memory on this worker.
        Shed = "shed",
        /// Deciding panicked: a bug, at the cost of this one request.
        Panic = "panic",
        /// A path that the bid port does not know.
        NotFound = "not_found",
        /// A method that the path does not know.
        MethodNotAllowed = "method_not_allowed",
    }
}

labelled! {
    /// Which deadline a connection missed when the watchdog ended it.
    Overdue {
        /// Nothing was ever sent.
        FirstByte = "first_byte",
        /// A request's head did not arrive in time.
        Head = "head",
        /// A request's body did not arrive in time.
        Body = "body",
        /// The client did not read its reply.
        Write = "write",
        /// Keep-alive without a request.
        Idle = "idle",
        /// The client kept its side open after we closed ours.
        Closing = "closing",
    }
}

labelled! {
    /// Which of our addresses a connection came in by.
    Port {
        /// The exchanges' port: bid requests and notices.
        Bid = "bid",
        /// Notices and whatever browsers call.
        Notices = "notices",
        /// The operators' port.
        Admin = "admin",
    }
}

labelled! {
    /// What a notice tells.
    NoticeKind {
        /// The bid won its auction.
        Win = "win",
        /// The impression is billable.
        Bill = "bill",
        /// The bid lost.
        Loss = "loss",
        /// The ad was seen.
        View = "view",
        /// The ad was clicked.
        Click = "click",
        /// A spot began.
        Start = "start",
        /// A quarter of a spot was played.
        FirstQuartile = "first_quartile",
        /// Half of a spot was played.
        Midpoint = "midpoint",
        /// Three quarters of a spot were played.
        ThirdQuartile = "third_quartile",
        /// A spot was played to its end.
        Complete = "complete",
    }
}

impl NoticeKind {
    /// The kind that tells a spot's progress.
    pub fn of_progress(progress: Progress) -> Self {
        match progress {
            Progress::Start => Self::Start,
            Progress::FirstQuartile => Self::FirstQuartile,
            Progress::Midpoint => Self::Midpoint,
            Progress::ThirdQuartile => Self::ThirdQuartile,
            Progress::Complete => Self::Complete,
        }
    }

    /// The progress that it tells, if that is what it tells.
    pub fn progress(self) -> Option<Progress> {
        Progress::ALL.into_iter().find(|progress| Self::of_progress(*progress) == self)
    }
}

labelled! {
    /// What became of a notice.
    NoticeOutcome {
        /// Counted.
        Counted = "counted",
        /// Counted after its hold had ended.
        CountedLate = "late",
        /// Counted before.
        Duplicate = "duplicate",
        /// A loss of what was already billed.
        Contradiction = "contradiction",
        /// The ledger is full.
        LedgerFull = "ledger_full",
        /// Durable on this node; counted when the log that it shares can be reached.
        Kept = "kept",
        /// The log could not be written: not counted, to be sent again.
        NotWritten = "not_written",
        /// A test auction, or an exchange's audit: answered, never counted.
        Test = "test",
        /// The price macro was not replaced: a preview, or a fraud. Not billed.
        PriceUnreplaced = "price_unreplaced",
        /// A price that is no number. Not billed.
        PriceUnreadable = "price_unreadable",
        /// A price above what was bid. Not billed.
        PriceAboveBid = "price_above_bid",
        /// The token's time is over.
        Expired = "expired",
        /// The token was not signed by us for this kind of notice.
        BadSignature = "bad_signature",
        /// The token is malformed, or of a version or key that is not known.
        BadToken = "bad_token",
    }
}

labelled! {
    /// What became of an event that a shop or a browser sent.
    EventOutcome {
        /// In the log; also one that was there before.
        Accepted = "accepted",
        /// Not kept, for want of consent.
        NoConsent = "no_consent",
        /// Not kept, as the browser opted out.
        OptedOut = "opted_out",
        /// Not an acceptable event.
        Refused = "refused",
        /// Of a shop that is not known, or takes no events.
        UnknownShop = "unknown_shop",
        /// With a wrong key, or neither with a key nor from a page of the shop.
        Denied = "denied",
        /// More than are allowed in a second.
        Throttled = "throttled",
        /// The log could not take it, or not in time: to be sent again.
        LogUnavailable = "log_unavailable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn distinct<T: Copy>(all: &[T], label: fn(T) -> &'static str, index: fn(T) -> usize) {
        let labels: HashSet<_> = all.iter().map(|one| label(*one)).collect();
        assert_eq!(labels.len(), all.len(), "labels are distinct: {labels:?}");
        assert!(all.iter().enumerate().all(|(place, one)| index(*one) == place));
    }

    #[test]
    fn labels_are_distinct_and_indexes_are_places() {
        distinct(RequestOutcome::ALL, RequestOutcome::label, RequestOutcome::index);
        distinct(Refusal::ALL, Refusal::label, Refusal::index);
        distinct(Overdue::ALL, Overdue::label, Overdue::index);
        distinct(Port::ALL, Port::label, Port::index);
        distinct(NoticeKind::ALL, NoticeKind::label, NoticeKind::index);
        for kind in NoticeKind::ALL {
            let label = kind.progress().map(Progress::label);
            assert!(label.is_none_or(|label| label == kind.label()), "{kind:?}");
        }
        distinct(NoticeOutcome::ALL, NoticeOutcome::label, NoticeOutcome::index);
        distinct(EventOutcome::ALL, EventOutcome::label, EventOutcome::index);
    }
}
