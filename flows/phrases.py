"""The phrases a content set must give: what the engine and the host say outside of any step.

Every phrase may also use `{line.<id>}`. The loader refuses a set that lacks one, has one too many, or uses another placeholder.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a phrase is for (shown to translators) and which placeholders it may use."""

    purpose: str
    placeholders: tuple[str, ...] = ()
    leads: bool = (
        False  # stands before another text, so that a locked screen shows this one: must be longer than a preview
    )

    @property
    def whole(self) -> bool:
        """Is it a line of its own? What stands on a button, inside another line or beside one is not read out alone."""
        return not self.purpose.startswith(("Choice label", "Mark", "Rendering"))


ENGINE_PHRASES: dict[str, Phrase] = {
    "choose_again": Phrase("A text matched no choice: asks gently to pick one; the question follows."),
    "stale_choice": Phrase("A button of an earlier question was pressed; the current question follows."),
    "nothing_before": Phrase("'back' at the first question."),
    "unsupported": Phrase("A voice note, picture or sticker came; asks for a few words; must name no number itself."),
    "invalid_text": Phrase("An empty answer to a text question."),
    "invalid_number": Phrase("Not a number in range.", ("min", "max")),
    "invalid_time": Phrase("Not a time of day; gives an example like 21:30 or 9 giờ tối."),
    "invalid_yes_no": Phrase("Neither yes nor no."),
    "invalid_age": Phrase("No age band recognised."),
    "invalid_date": Phrase("Not a day; gives an example like 5/11 or hôm qua."),
    "invalid_code": Phrase("Not the shape of a return code."),
    "confirm_place": Phrase(
        "Is it this commune? Followed by yes/no and, for a shared location, two neighbours.", ("place",)
    ),
    "which_place": Phrase("Several communes could be meant; the choices follow."),
    "place_outside": Phrase("The place is outside Lai Châu; asks again, says one may skip."),
    "place_unknown": Phrase("The place was not recognised; asks for the commune's old or new name, says one may skip."),
    "none_of_these": Phrase("Choice label: none of the listed places."),
    "more": Phrase("One of several choices was taken: asks whether there are more; the choices follow."),
    "enough": Phrase("Choice label: nothing more to add to the choices taken."),
    "none_of_list": Phrase("Choice label: none of the listed things."),
    "skip": Phrase("Choice label: skip this question."),
    "yes": Phrase("Choice label: yes."),
    "no": Phrase("Choice label: no."),
    "age_0_5": Phrase("Choice label: age 0 to 5."),
    "age_6_12": Phrase("Choice label: age 6 to 12."),
    "age_13_17": Phrase("Choice label: age 13 to 17."),
    "age_18_59": Phrase("Choice label: age 18 to 59."),
    "age_60": Phrase("Choice label: 60 and above."),
}

HOST_PHRASES: dict[str, Phrase] = {
    "safety_text": Phrase(
        "The guard's fixed text when our program failed: neutral first line, then the emergency numbers."
    ),
    "ringing": Phrase("We are calling a person on duty now (urgent or asked for)."),
    "ringing_emergency": Phrase("An emergency: says that a person on duty is being called at once and will read this."),
    "still_ringing": Phrase("Honest waiting line while nobody has answered yet, with a number to call.", ("minutes",)),
    "nobody_on_duty": Phrase(
        "Nobody is on duty now: said at once, with numbers; says when people are on duty if known."
    ),
    "fallback": Phrase("Nobody answered for 5 minutes or all rungs are empty: the numbers, and that we keep calling."),
    "human_ready": Phrase("A person is ready (urgent, not yet agreed): asks whether she wants to talk; yes/no follow."),
    "human_joined": Phrase("A counsellor took the talk: says a person writes now, with the alias.", ("alias",)),
    "human_changed": Phrase("The counsellor is being replaced; another is called; she need not tell it again."),
    "human_left": Phrase("The talk with the person is over; the machine answers again."),
    "human_cancelled": Phrase("She took back her wish for a person; neutral."),
    "relay_card": Phrase(
        "During a talk: danger sign and no human line for 60 s: neutral first line, then the numbers."
    ),
    "flood": Phrase(
        "She wrote more than 5,000 messages in a day; said once: we still ring, but stopped reading along."
    ),
    "too_long": Phrase("A message of over 4,000 characters was kept whole; said so that she need not resend."),
    "welcome_back": Phrase("After a return code was accepted: neutral, shows nothing of the past by itself."),
    "withheld": Phrase(
        "The platform does not show us what she sent, perhaps because she is a child: who we are, the children's number, the "
        "emergency numbers, and to try a few words."
    ),
    "withheld_page": Phrase("Said after it where the seeker page has a public address: another door.", ("page",)),
    "window_closes": Phrase(
        "She has been silent for ten minutes on a channel that lets us answer only until then: offers a return code; the two "
        "choices below follow.",
        ("time", "date"),
    ),
    "take_code": Phrase("Choice label: take a return code."),
    "code_later": Phrase("Choice label: not now."),
    "code_given": Phrase(
        "Her return code: neutral and long enough before it that no locked screen shows it, and how to keep it.",
        ("code",),
    ),
    "wish_woman": Phrase("She asks for a woman, and women on duty are called first: said back to her."),
    "wish_woman_all": Phrase(
        "She asks for a woman, but everybody is called: no woman is on duty, or it is an emergency. Honest; whoever takes the "
        "talk sees the wish."
    ),
    "wish_another": Phrase(
        "She wants another counsellor than the one who had the talk: somebody else is called, that one reads no more."
    ),
    "continued": Phrase(
        "Rendering: leads a further piece of a long text: neutral, and so long that a locked screen shows nothing of what "
        "follows.",
        leads=True,
    ),
    "opened": Phrase(
        "Rendering: leads a text whose own beginning a locked screen must not show: neutral, and as long as that needs.",
        leads=True,
    ),
    "more_choices": Phrase("Rendering: stands over the rest of a list of buttons that did not fit under the question."),
    "only_choice": Phrase(
        "Rendering: the one choice under a question where there are no buttons: may be typed.", ("label",)
    ),
    "type_number": Phrase("Rendering: under numbered choices where there are no buttons: type a number, or words."),
    "ask_location": Phrase(
        "Rendering: where the platform has a button that shares a place: press it, or type the commune."
    ),
    "share_location": Phrase("Choice label: shares where she is now."),
    "services_none": Phrase("No service of the directory fits; says what else she can do, with numbers."),
    "service_unverified": Phrase("Mark after a service that nobody has verified yet (chưa xác minh)."),
    "service_about_km": Phrase("Mark at a service: how far, honestly vague.", ("km",)),
    "service_same_commune": Phrase("Mark at a service: it is in her own commune."),
    "service_open": Phrase("Mark at a service: open now."),
    "service_closed": Phrase("Mark at a service: closed now."),
    "service_hours_unknown": Phrase("Mark at a service: opening hours not known."),
    "service_hours_247": Phrase("Mark at a service: open day and night."),
}

PHRASES: dict[str, Phrase] = {**ENGINE_PHRASES, **HOST_PHRASES}
