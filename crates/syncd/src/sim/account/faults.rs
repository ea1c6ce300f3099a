//! What goes wrong: probabilities, and what strikes one call.
//!
//! Every fault is drawn for every call in a fixed order, whether it is possible or not: changing one probability does not
//! change when another strikes.

use crate::sim::rng::Rng;

/// Probabilities in per mille; 0 is never, 1000 always.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// The connection breaks and nothing was done.
    pub(crate) drop_before: u16,
    /// The work is done, then the connection breaks.
    pub(crate) drop_after: u16,
    /// The work is done, then the answer is a 200 without a body.
    pub(crate) empty_body: u16,
    /// The work is done, then the JSON ends in its middle.
    pub(crate) cut_json: u16,
    /// A 5xx and nothing was done.
    pub(crate) http_500_before: u16,
    /// 429 with `Retry-After` of 0 to 2 seconds, and nothing was done.
    pub(crate) rate_limited: u16,
    /// Half of an upload is stored, and so reported.
    pub(crate) upload_truncated: u16,
    /// A download ends in its middle.
    pub(crate) short_download: u16,
    /// All tokens die before the call is looked at, as when another device signs in.
    pub(crate) token_loss: u16,
    /// A listing's rows come in any order.
    pub(crate) listing_reordered: u16,
    /// An upload is answered with 504 and stored some calls later.
    pub(crate) late_upload: u16,
    /// A changing call whose sender went away before it was worked on is worked on all the same, some calls later.
    pub(crate) late_orphan: u16,
    /// The database hiccups (Q41): nothing is done, and what is there is not found, or the token is none, or a page is answered.
    pub(crate) hiccup: u16,
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    DropBefore,
    DropAfter,
    EmptyBody,
    CutJson,
    Http500Before,
    RateLimited,
    UploadTruncated,
    ShortDownload,
    TokenLoss,
    ListingReordered,
    LateUpload,
    LateOrphan,
    Hiccup,
}

/// What a call is, as far as it matters to faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Changes nothing.
    Read,
    /// Signs in or out.
    SignIn,
    /// May change something.
    Mutate,
    /// May store a file.
    Upload,
    /// GET of a link.
    Download,
}

impl Kind {
    /// Whether the account may be another one afterwards.
    pub(super) const fn may_change(self) -> bool {
        matches!(self, Self::Mutate | Self::Upload)
    }
}

impl Fault {
    const fn bit(self) -> u16 {
        1 << match self {
            Self::DropBefore => 0,
            Self::DropAfter => 1,
            Self::EmptyBody => 2,
            Self::CutJson => 3,
            Self::Http500Before => 4,
            Self::RateLimited => 5,
            Self::UploadTruncated => 6,
            Self::ShortDownload => 7,
            Self::TokenLoss => 8,
            Self::ListingReordered => 9,
            Self::LateUpload => 10,
            Self::LateOrphan => 11,
            Self::Hiccup => 12,
        }
    }

    const fn strikes(self, kind: Kind) -> bool {
        match self {
            Self::DropBefore | Self::Http500Before | Self::RateLimited => true,
            Self::DropAfter | Self::EmptyBody | Self::CutJson | Self::TokenLoss | Self::ListingReordered => {
                !matches!(kind, Kind::Download)
            }
            Self::UploadTruncated | Self::LateUpload => matches!(kind, Kind::Upload),
            Self::ShortDownload => matches!(kind, Kind::Download),
            Self::LateOrphan => kind.may_change(),
            Self::Hiccup => matches!(kind, Kind::Read | Kind::Mutate),
        }
    }
}

/// The faults that strike one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Struck(u16);

impl Struck {
    /// Whether this one does.
    pub(super) const fn by(self, fault: Fault) -> bool {
        self.0 & fault.bit() != 0
    }
}

impl Faults {
    /// Draws for one call.
    pub(super) fn draw(&self, dice: &mut Rng, kind: Kind) -> Struck {
        let all = [
            (Fault::DropBefore, self.drop_before),
            (Fault::DropAfter, self.drop_after),
            (Fault::EmptyBody, self.empty_body),
            (Fault::CutJson, self.cut_json),
            (Fault::Http500Before, self.http_500_before),
            (Fault::RateLimited, self.rate_limited),
            (Fault::UploadTruncated, self.upload_truncated),
            (Fault::ShortDownload, self.short_download),
            (Fault::TokenLoss, self.token_loss),
            (Fault::ListingReordered, self.listing_reordered),
            (Fault::LateUpload, self.late_upload),
            (Fault::LateOrphan, self.late_orphan),
        ];
        let mut struck = 0;
        for (fault, per_mille) in all {
            if dice.under(1000) < u64::from(per_mille) && fault.strikes(kind) {
                struck |= fault.bit();
            }
        }
        Struck(struck)
    }

    /// Draws the hiccup, after everything else that a call draws and only where there are any: the histories from before there
    /// were any stay as they are.
    pub(super) fn draw_hiccup(&self, dice: &mut Rng, kind: Kind, struck: Struck) -> Struck {
        let hits = self.hiccup > 0 && dice.under(1000) < u64::from(self.hiccup);
        if hits && Fault::Hiccup.strikes(kind) {
            return Struck(struck.0 | Fault::Hiccup.bit());
        }
        struck
    }
}
