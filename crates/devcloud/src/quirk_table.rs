//! The table of quirks: id, name, presets, knobs. One entry per row of wire.md §7; nothing else defines a quirk.
//!
//! A knob's defaults are one word for every dialect, or four for `document v4 v5 hostile`. A quirk that is random has a
//! probability `p`; its `document` default is what it does when it is switched on alone.

/// What values a knob takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Count,
    /// Seconds, fractions allowed.
    Seconds,
    /// A probability from 0 to 1.
    Ratio,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A comma-separated list.
    List,
}

/// A knob of a quirk: `Q03.tries`.
#[derive(Debug, Clone, Copy)]
pub struct Knob {
    /// The part after the dot.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Defaults: one for all dialects, or four separated by blanks.
    pub(crate) defaults: &'static str,
}

/// An entry of the table.
#[derive(Debug, Clone, Copy)]
pub struct QuirkInfo {
    /// The switch.
    pub quirk: Quirk,
    /// The number in `Q07`; 0 is the site's own settings, which cannot be switched.
    pub id: u8,
    /// Its name in wire.md.
    pub name: &'static str,
    /// Dialects that switch it on: `4`, `5`, `D`, `H`.
    pub presets: &'static str,
    /// What the server does.
    pub does: &'static str,
    /// Its knobs.
    pub knobs: &'static [Knob],
}

macro_rules! quirks {
    ($( $variant:ident $id:literal $name:literal $presets:literal $does:literal
        [$( $knob:literal $kind:expr => $defaults:literal ),*] )*) => {
        /// A switch of the server's behaviour (wire.md §7).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Quirk { $( #[doc = $does] $variant ),* }

        /// All of them, in the order of their numbers.
        pub const QUIRKS: &[QuirkInfo] = &[$( QuirkInfo {
            quirk: Quirk::$variant, id: $id, name: $name, presets: $presets, does: $does,
            knobs: &[$( Knob { name: $knob, kind: $kind, defaults: $defaults } ),*],
        } ),*];
    };
}

const SWITCH: Kind = Kind::Word(&["off", "on"]);

quirks! {
Site 0 "site" "45DH" "settings of the site: sign-in form" [
    "sign-in" Kind::Word(&["both", "keys", "password"]) => "both keys keys keys"]
SingleToken 1 "single-token" "45H" "a login deletes all other tokens of the account" []
LateAuth 2 "late-auth" "45H" "a dead token on upload is noticed only after the whole body" []
LoginBan 3 "login-ban" "45H" "wrong credentials, counted per address, ban right ones too" [
    "tries" Kind::Count => "5", "ban" Kind::Seconds => "86400"]
ErrorShape 4 "error-shape" "45DH" "the key of an error (`_status`, `status`) and its HTTP code" [
    "key" Kind::Word(&["_status", "status", "mix"]) => "_status status _status mix",
    "http" Kind::Word(&["off", "on", "mix"]) => "off off off mix"]
TrashFoldersAtRoot 5 "trash-folders-at-root" "45H" "a trashed folder is a row of the root listing" [
    "status" SWITCH => "on off on off", "forever" SWITCH => "off on off on"]
TrashFilesAtRoot 6 "trash-files-at-root" "5H" "a trashed file is a row of the root listing with status trash" []
NumberOnCollision 7 "number-on-collision" "45DH" "an upload beside an equal active name is numbered" []
UploadNameMangling 8 "upload-name-mangling" "45H" "uploaded names lose paths, backslashes, a leading dot, edges and quotes" []
FolderFallback 9 "folder-fallback" "45H" "an upload with a bad folder_id is stored in the root" []
IntoTrash 10 "into-trash" "45H" "uploads and creations below a trashed folder are accepted" []
OversizeMisreport 11 "oversize-misreport" "45DH" "too large: `Filesize received was zero.`, or the token is missing" [
    "file" Kind::Count => "0", "total" Kind::Count => "0", "package" SWITCH => "on off off on"]
ZeroRefused 12 "zero-refused" "45DH" "an upload of no bytes is refused" []
RootLimbo 13 "root-limbo" "45H" "ways to the root that store folder 0: in no listing" [
    "move" SWITCH => "on on off on"]
EditIgnoresBadParent 14 "edit-ignores-bad-parent" "45H" "an edit to a bad folder succeeds and changes nothing" []
Cycles 15 "cycles" "45H" "a folder may be moved into its own subtree; recursion over the ring dies" []
DeadIdsResolve 16 "dead-ids-resolve" "45H" "trashed and deleted ids answer and can be edited, moved, downloaded" [
    "state-key" Kind::Word(&["file_status", "status", "both"]) => "file_status"]
DeleteRepeats 17 "delete-repeats" "45DH" "deleting again succeeds and renews the date" []
DeleteRecursiveNow 18 "delete-recursive-now" "45DH" "folder/delete takes everything inside at this instant" []
CreateUnchecked 19 "create-unchecked" "45H" "folder/create takes any number as a parent" []
LateSuccess 20 "late-success" "45H" "the gateway gives up with 504, the file appears later" [
    "gateway" Kind::Seconds => "60", "work" Kind::Seconds => "0", "late" Kind::Seconds => "30 30 30 2",
    "p" Kind::Ratio => "1 0 0 0.01"]
FirstThousandFolders 21 "first-1000-folders" "5H" "only the first active folders by name are destinations" [
    "limit" Kind::Count => "1000"]
WholeRowWrite 22 "whole-row-write" "5H" "file/move and file/delete write back the whole row read before" [
    "window" Kind::Seconds => "0.02"]
InfoParam 23 "info-param" "45DH" "folder/info reads one parameter only" [
    "param" Kind::Word(&["folder_id", "parent_folder_id"]) => "parent_folder_id folder_id folder_id folder_id"]
CopyOwnerless 24 "copy-ownerless" "45H" "file/copy without the login's cookie makes a row of nobody" []
CopyKeepsName 25 "copy-keeps-name" "45DH" "file/copy beside an equal name makes a duplicate" []
StripTags 26 "strip-tags" "45H" "text parameters lose tags and edge blanks" []
Cut255 27 "cut-255" "45H" "long names and extensions are cut silently" [
    "name" Kind::Count => "255", "extension" Kind::Count => "10"]
NoEmoji 28 "no-emoji" "45H" "names are cut, or get question marks, outside the BMP" [
    "mode" Kind::Word(&["cut", "question", "questions"]) => "cut cut cut questions"]
CollationEqual 29 "collation-equal" "45H" "case, accents and trailing blanks are equal for numbering" []
HashShape 30 "hash-shape" "45H" "an upload's hash is false, or a placeholder" [
    "mode" Kind::Word(&["false", "placeholder", "mix"]) => "false false placeholder mix",
    "above" Kind::Count => "4294967296"]
SuccessWithError 31 "success-with-error" "H" "a refusal inside arrives as success with `error`, or without file_id" [
    "p" Kind::Ratio => "1 0 0 0.01"]
StoredButError 32 "stored-but-error" "45H" "the file is stored, the answer says failed reading the response" [
    "p" Kind::Ratio => "1 0 0 0.01"]
TypePolicy 33 "type-policy" "45H" "extensions and words that are not allowed are refused" [
    "allow" Kind::List => "", "deny" Kind::List => "php,phtml", "words" Kind::List => ""]
DuplicateRace 34 "duplicate-race" "45DH" "equal uploads at once make two equal names" [
    "window" Kind::Seconds => "0"]
BadIdIsRoot 35 "bad-id-is-root" "45DH" "a listing of 0, blank or text is the root, of a negative id empty" [
    "sql" SWITCH => "off on on on"]
TrashListing 36 "trash-listing" "45H" "a trashed folder lists with success" [
    "rows" Kind::Word(&["folders", "all"]) => "all folders all folders"]
LooseTypes 37 "loose-types" "45H" "numbers are strings, ints, or either" [
    "mode" Kind::Word(&["strings", "mixed", "per-row"]) => "mixed strings mixed per-row"]
JunkBeforeJson 38 "junk-before-json" "H" "warnings or a BOM precede the object" [
    "errors" Kind::Ratio => "1 1 1 0.5", "success" Kind::Ratio => "0.1 0.1 0.1 0.05"]
EmptyTwoHundred 39 "empty-200" "45H" "a name that is not UTF-8, or too many rows: 200 without a body" [
    "p" Kind::Ratio => "0 0 0 0.002", "rows" Kind::Count => "0"]
Expiry 40 "expiry" "45DH" "files nobody used for days are purged without trash" [
    "days" Kind::Count => "0"]
DbHiccup 41 "db-hiccup" "H" "at random: not found, token invalid, or a paragraph of HTML" [
    "p" Kind::Ratio => "0.01"]
Purge 42 "purge" "45H" "old trash is deleted, with active files below it" [
    "days" Kind::Count => "30"]
Restore 43 "restore" "45DH" "the web user makes a dead id active again" []
ContentSwap 44 "content-swap" "5H" "an add-on replaces the bytes under an id" []
DownloadErrorPage 45 "download-error-page" "45H" "a failed download redirects to a page with status 200" [
    "downloads" SWITCH => "on"]
OpenRangesOnly 46 "open-ranges-only" "45H" "only `bytes=N-` is understood" [
    "range-on-200" SWITCH => "off on off off"]
TwoBytes 47 "two-bytes" "45H" "a plain GET of a 2-byte file is a 206" [
    "body" Kind::Word(&["one", "right"]) => "one right one one"]
ResumeRestarts 48 "resume-restarts" "H" "a resume starts over, or somewhere else" [
    "mode" Kind::Word(&["restart", "shift", "mix"]) => "restart restart restart mix",
    "p" Kind::Ratio => "1 1 1 0.2"]
LinkLife 49 "link-life" "45H" "links end, or belong to one address" [
    "life" Kind::Seconds => "86400", "ip" SWITCH => "off"]
WrongLengthBody 50 "wrong-length-body" "H" "a download ends early or runs on, with plausible headers" [
    "mode" Kind::Word(&["short", "long", "mix"]) => "mix", "p" Kind::Ratio => "1 1 1 0.02"]
Throttled 51 "throttled" "H" "too many calls are turned away" [
    "per-second" Kind::Count => "20 20 20 200", "connections" Kind::Count => "0",
    "answer" Kind::Word(&["json", "text", "html", "challenge", "mix"]) => "json json json mix",
    "retry-after" Kind::Count => "1"]
Maintenance 52 "maintenance" "" "an HTML page, or a redirect to `/down_for_maintenance`" [
    "mode" Kind::Word(&["html", "redirect"]) => "html html redirect redirect"]
NoUrlUpload 53 "no-url-upload" "45" "url_upload_* are unknown actions" []
CountsLie 54 "counts-lie" "45H" "sizes, counts and dates of folders are stale and include trash" []
SlowListing 55 "slow-listing" "45H" "a listing takes time per subfolder" [
    "per-folder" Kind::Seconds => "0.02"]
CanonicalRedirect 56 "canonical-redirect" "H" "another host name (or plain http) is redirected" [
    "https" SWITCH => "off"]
LostAnswer 57 "lost-answer" "H" "the connection drops before or after the work" [
    "p" Kind::Ratio => "0.05 0.05 0.05 0.01",
    "when" Kind::Word(&["before", "after", "both"]) => "both"]
ForeignOwner 58 "foreign-owner" "45H" "an upload into a folder shared by another is theirs" []
ForeignZeroFile 59 "foreign-zero-file" "45H" "other ways of uploading store files of size 0" []
SizeDrift 60 "size-drift" "H" "the stored and reported size differs from what was sent" [
    "p" Kind::Ratio => "1 1 1 0.01"]
}
