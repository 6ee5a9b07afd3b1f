"""The phrases a content set must give: what the engine and the host say outside of any step.

Every phrase may also use `{line.<id>}`. The loader refuses a set that lacks one, has one too many, or uses another placeholder.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a phrase is for (shown to translators) and which placeholders it may use."""

    purpose: str
    placeholders: tuple[str, ...] = ()
    whole: bool = True  # a line of its own; False: a label on a button, or a piece of another line
    leads: bool = False  # before another text, so that a locked screen shows this one: longer than a preview
    instead: str = ""  # the phrase that serves where a set, published before this one was asked for, lacks it


ENGINE_PHRASES: dict[str, Phrase] = {
    "choose_again": Phrase(
        "A text matched no choice, the first time in a stay: asks gently to pick one; the question follows."
    ),
    "choose_again_2": Phrase("The second time: shorter and warm; the question follows.", instead="choose_again"),
    "choose_again_3": Phrase("The third time: shorter, in other words; the question follows.", instead="choose_again"),
    "choose_again_4": Phrase(
        "The fourth time: shorter, in other words again; the question follows. Then from the second on.",
        instead="choose_again",
    ),
    "choose_again_called": Phrase(
        "She wrote something that is no answer while a person is called who will read it; said once; a question may follow.",
        instead="choose_again",
    ),
    "anybody": Phrase(
        "She asks whether anybody is there: a machine is, and how to ask for a person; a question may follow.",
        instead="choose_again",
    ),
    "anybody_called": Phrase(
        "She asks the same while a person is called who will read it: the truth, and the numbers; a question may follow.",
        instead="choose_again_called",
    ),
    "choose_again_hello": Phrase(
        "A greeting at a question: greets back, says how to get a person; the question follows.",
        instead="choose_again",
    ),
    "choose_again_asked": Phrase(
        "She asks something before she has answered the first question: it will be answered next; the question follows.",
        instead="choose_again",
    ),
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
    "human_ready_again": Phrase(
        "She wrote a sentence where that was asked: it is kept, and the same question once more, shorter; yes/no follow.",
        instead="human_ready",
    ),
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
    "referral_consent": Phrase(
        "A counsellor asks whether these items may be told to this place; neutral first line; says that no is fine.",
        ("place", "items"),
    ),
    "referral_hidden_place": Phrase("In `referral_consent`, for a place that is kept secret: never its name."),
    "referral_item_name": Phrase("In `referral_consent`: her name, or what she wants to be called."),
    "referral_item_phone": Phrase("In `referral_consent`: her phone number."),
    "referral_item_contact": Phrase("In `referral_consent`: how and when she can be reached safely."),
    "referral_item_commune": Phrase("In `referral_consent`: the commune she is in."),
    "referral_item_age": Phrase("In `referral_consent`: her age."),
    "referral_item_need": Phrase("In `referral_consent`: what she needs."),
    "referral_item_situation": Phrase("In `referral_consent`: what happened, in the words agreed with her."),
    "referral_item_children": Phrase("In `referral_consent`: who comes with her."),
    "referral_item_health": Phrase("In `referral_consent`: health, injuries, pregnancy."),
    "referral_item_language": Phrase("In `referral_consent`: the language she speaks."),
    "referral_sent": Phrase("A referral went out; neutral, names no place."),
    "referral_accepted": Phrase(
        "The service will take her; neutral, names no place; says that the counsellor helps further."
    ),
    "referral_refused": Phrase("The service cannot take her; honest, kind, says what else there is, with a number."),
    "referral_full": Phrase("The service has no place now; honest, says what else there is, with a number."),
    "referral_served": Phrase("The service says it has helped; asks whether more is needed."),
    "referral_lost": Phrase("The service could not reach her; neutral, says the door is open."),
    "service_unverified": Phrase("Short mark after a service that nobody has verified yet (chưa xác minh)."),
    "service_about_km": Phrase("How far, honestly vague.", ("km",)),
    "service_same_commune": Phrase("The service is in her own commune."),
    "service_open": Phrase("Open now."),
    "service_closed": Phrase("Closed now."),
    "service_hours_unknown": Phrase("Opening hours not known."),
    "service_hours_247": Phrase("Open day and night."),
    "service_full": Phrase("No place free now, as the service said within a day."),
    "service_about_minutes": Phrase("How long the way takes, as somebody measured it.", ("minutes",)),
    "service_address": Phrase("A public service's address, on a line of its own.", ("address",)),
    "service_takes": Phrase("Whom a checked service takes.", ("whom",)),
    "service_takes_women": Phrase("In `service_takes`: women."),
    "service_takes_men": Phrase("In `service_takes`: men."),
    "service_takes_children": Phrase("In `service_takes`: children."),
    "service_takes_women_with_children": Phrase("In `service_takes`: women with children."),
    "service_takes_boys_over_12": Phrase("In `service_takes`: boys over twelve."),
    "service_takes_lgbt": Phrase("In `service_takes`: LGBT people, in kind words."),
    "service_takes_elderly": Phrase("In `service_takes`: old people."),
    "service_takes_disabled": Phrase("In `service_takes`: people with disabilities."),
    "service_takes_foreigners": Phrase("In `service_takes`: foreigners."),
    "service_speaks": Phrase("Languages spoken beside Vietnamese.", ("languages",)),
    "service_language_hmn": Phrase("Name of the Mông language."),
    "service_language_tai": Phrase("Name of the Thái language."),
    "service_language_ium": Phrase("Name of the Dao language."),
    "service_language_hni": Phrase("Name of the Hà Nhì language."),
    "service_language_pcc": Phrase("Name of the Giáy language."),
    "service_language_khb": Phrase("Name of the Lự language."),
    "service_language_lhu": Phrase("Name of the La Hủ language."),
    "service_cost_free": Phrase("A checked service costs nothing."),
    "service_cost_insurance": Phrase("A checked service costs less with a health insurance card."),
    "service_cost_paid": Phrase("A checked service may cost money."),
    "service_cost_ask": Phrase("Nobody has checked what it costs: ask first."),
    "service_estimated": Phrase("How sure the distances are: estimated, mountain roads may be longer."),
    "service_words_medical": Phrase("What she may say at a clinic: short, without telling what happened."),
    "service_words_sexual_violence_care": Phrase("What she may say at a clinic after sexual violence: short."),
    "service_words_police": Phrase("What she may say to the police: short."),
    "service_words_legal": Phrase("What she may say at legal aid: short."),
    "service_words_other": Phrase("What she may say anywhere else: short."),
    "service_say_phone": Phrase("What to say on the phone.", ("words",)),
    "service_say_there": Phrase("What to say on arriving, where no number can be given.", ("words",)),
    "service_nobody": Phrase("What to do when nobody answers or it is closed: numbers, a person here."),
    "service_pin": Phrase("Neutral title of a point on a map; shown on a locked screen.", ("number",)),
    "service_pin_note": Phrase("Beside `service_pin`, as neutral: its name stands in the text above."),
}

_PIECES = ("service_", "referral_item_", "referral_hidden_place")


def _is_whole(key: str, phrase: Phrase) -> bool:
    return not (phrase.purpose.startswith(("Choice label", "Rendering")) or key.startswith(_PIECES))


PHRASES: dict[str, Phrase] = {
    key: replace(phrase, whole=_is_whole(key, phrase)) for key, phrase in {**ENGINE_PHRASES, **HOST_PHRASES}.items()
}
"""All of them; only whole lines are read out by recordings."""
