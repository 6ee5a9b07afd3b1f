"""The flow's wish to be sent on: a referral at the desk with her consent, what may be told, and nothing else."""

from __future__ import annotations

from handlers import audit
from handlers.referral import Item, Referral, ReferralStatus
from tests.fakes.road import Road

ROAD = ("Có", "Bỏ qua", "Tìm nơi giúp", "Nhờ người trực liên hệ thay")


def presses(road: Road, *labels: str) -> None:
    for label in labels:
        road.presses("a", label)


def referrals_of(road: Road) -> list[Referral]:
    uid = road.case_of("a").uid
    return road.do(lambda uow: uow.referrals.of_case(uid))


def test_a_wish_waits_at_the_desk_with_what_may_be_told(road: Road) -> None:
    road.starts("a")
    presses(road, *ROAD, "Chỗ ở tạm", "Có", "Chỉ nói tôi cần gì")
    (wanted,) = referrals_of(road)
    assert (wanted.status, wanted.need, wanted.items) == (ReferralStatus.WANTED, "shelter", (Item.NEED,))
    assert dict(wanted.details) == {"need": "chỗ ở tạm"}
    assert wanted.consent_step == "referral.consent"
    assert len(wanted.consent_text) == 12
    assert road.case_of("a").listed_at is not None
    assert audit.REFERRAL_CONSENT in road.audit()


def test_asking_again_for_the_same_keeps_one_with_the_newer_consent(road: Road) -> None:
    road.starts("a")
    presses(road, *ROAD, "Chỗ ở tạm", "Có", "Chỉ nói tôi cần gì", "Được rồi", "Tìm chỗ khác")
    presses(road, "Nhờ người trực liên hệ thay", "Chỗ ở tạm", "Có", "Nói cả xã, và chuyện gì")
    road.types("a", "xã Mường Kim")
    road.presses("a", "Có")
    (wanted,) = referrals_of(road)
    assert wanted.items == (Item.NEED, Item.COMMUNE, Item.SITUATION)
    assert "Mường Kim" in wanted.details["commune"]
    assert "situation" not in wanted.details  # never answered


def test_taking_the_consent_back_ends_it_and_destroys_what_was_to_be_told(road: Road) -> None:
    road.starts("a")
    presses(road, *ROAD, "Chỗ ở tạm", "Có", "Chỉ nói tôi cần gì", "Được rồi", "Tìm chỗ khác")
    presses(road, "Nhờ người trực liên hệ thay", "Nơi khám", "Không")
    (ended,) = referrals_of(road)
    assert ended.status is ReferralStatus.DECLINED
    assert dict(ended.details) == {}
