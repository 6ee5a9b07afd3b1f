"""The words of the audit log: what was done, as constants. Details hold ids, enums and figures, never content."""

from __future__ import annotations

from typing import Final

SYSTEM: Final = "system"  # actor: a timer did it
SEEKER: Final = "seeker"  # actor: she did it

# escalations, one row per transition
OPENED: Final = "escalation.opened"
RAISED: Final = "escalation.raised"
PAGED: Final = "escalation.paged"
NOBODY: Final = "escalation.nobody"  # every rung was empty
CLAIMED: Final = "escalation.claimed"
OFFERED: Final = "escalation.offered"  # claimed, and she is asked whether she wants to talk
AGREED: Final = "escalation.agreed"
PASSED_UP: Final = "escalation.passed_up"  # whoever was called passed it on to the next rung
HANDED: Final = "escalation.offered_to_colleague"
REMINDED: Final = "escalation.reminded"
OWED: Final = "escalation.owed"  # she wrote, an answer is owed
ANSWERED: Final = "escalation.answered"
RERUNG: Final = "escalation.rerung"
LEAVES_SOON: Final = "escalation.owner_leaves_soon"  # her shift ends within minutes: she is asked to hand over
LEFT: Final = "escalation.owner_left"  # she is off duty
STAYS: Final = "escalation.owner_stays"  # on duty again, or longer than planned
ALONE: Final = "escalation.owner_alone"  # her shift is over, nobody else is on duty: it stays hers
SHIFT_OVER: Final = "escalation.rerung_after_shift"
RETRACTED: Final = "escalation.retracted"
ENDED: Final = "escalation.ended"
HURRIED: Final = (
    "escalation.hurried"  # due earlier: a shift began, a danger sign came, its owner is gone, the clock jumped
)

# cases
CASE_LISTED: Final = "case.listed"
CASE_OPENED: Final = "case.opened_by_staff"
CASE_READ: Final = "case.read"
CASE_CARD: Final = "case.card_seen"  # the content-free card of somebody who has not agreed yet
CASE_READ_WITH_REASON: Final = "case.read_with_reason"
MEDIA_READ: Final = "case.media_read"  # a picture or a voice note was looked at
CASE_NOTED: Final = "case.noted"
CASE_CLOSED: Final = "case.closed"
CASE_REMINDED: Final = "case.reminded"
CASE_RELAY_CARD: Final = "case.relay_card"

# staff
CODE_REDEEMED: Final = "case.code_redeemed"
CONSENT_GIVEN: Final = "case.consent_given"  # detail: purpose, the step and the text she was asked
CONSENT_WITHDRAWN: Final = "case.consent_withdrawn"  # said no, or took it back
WISHED: Final = "case.wished"  # she wants to talk with a woman, or not with the one who held the talk
REMINDER_ASKED: Final = "case.reminder_asked"
REMINDER_SAID: Final = "case.reminder_said"
ERASURE_ASKED: Final = "case.erasure_asked"
DESTROYED: Final = "case.destroyed"
ERASED_NOW: Final = "case.erased_now"  # by staff, at once; detail: why, one of `handlers.erasing.REASONS`
KEPT: Final = "keeping.run"  # detail: how many of each kind went
DRILLED: Final = "keeping.drill"  # somebody looked what an order about this case would yield

DUTY_SET: Final = "staff.duty_set"
BIND_OFFERED: Final = "staff.bind_offered"  # a code for an account on a platform
BOUND: Final = "staff.account_bound"

# the directory; object: a service's id, detail: names of columns, never what stands in them
SERVICE_IMPORTED: Final = "service.imported"
SERVICE_CHANGED: Final = "service.changed"
SERVICE_VERIFIED: Final = "service.verified"
SERVICE_FREE: Final = "service.free"
BOUNDARIES_LOADED: Final = "boundaries.loaded"

# referrals; object: the case code, detail: the referral's uid, items and the text she agreed to, never their words
REFERRAL_ASKED: Final = "referral.asked"
REFERRAL_CONSENT: Final = "referral.consent"  # she agreed: items, the step or line, the text she was asked
REFERRAL_STATUS: Final = "referral.status"
REFERRAL_DECLINED: Final = "referral.declined"  # she said no, or took it back; what was to be told is destroyed
REFERRAL_READ: Final = "referral.read"
REFERRAL_LINK: Final = "referral.link_made"
REFERRAL_OPENED: Final = "referral.link_opened"
REFERRAL_LOCKED: Final = "referral.link_locked"  # too many wrong codes

# content
CONTENT_PUBLISHED: Final = "content.published"
CONTENT_ROLLED_BACK: Final = "content.rolled_back"

# the installation
ALARM: Final = "alarm.sounded"
ALARM_OVER: Final = "alarm.over"

# what commands on the server do outside the data; detail: figures and key ids, never a path, a key or a part of one
KEYS_ROTATED: Final = "keys.rotated"  # object: the key-encryption key that wraps everything now
PEPPER_ROTATED: Final = "keys.pepper_rotated"  # object: the lookup pepper that makes every hash now
CODES_VOIDED: Final = "keys.codes_voided"  # detail: how many of each kind that were made under an older lookup pepper
KEYS_PREPARED: Final = "keys.prepared"
KEYS_RETIRED: Final = "keys.retired"
KEYS_COPIED: Final = "keys.copied"  # by hand; detail: into the second place, or into another folder
SESSION_KEY_CHANGED: Final = "keys.session_changed"
AUDIT_KEY_PREPARED: Final = "audit_key.prepared"
AUDIT_KEY_HANDED_OVER: Final = "audit_key.handed_over"  # object: the file of the key that signs this log from here on
AUDIT_KEY_KEPT: Final = "audit_key.kept"  # a restore from before a handover: the newer key goes on with the older log
AUDIT_ACKNOWLEDGED: Final = "audit.acknowledged"  # findings that somebody looked into; detail: how many, why
BACKED_UP: Final = "backup.made"  # detail: rows, keys, and whether the secrets went along
RESTORED: Final = "backup.restored"
DIRECTORY_EXPORTED: Final = "directory.exported_for_staff"  # with what only staff may know: hidden places
