//! Times as people say them, on days with and without a change of clocks.

use jiff::Zoned;

use super::super::pattern::words;
use super::{Language, Window, window};

/// A Wednesday in November, a quarter past ten in the morning.
const NOW: &str = "2026-11-18T10:15:00+01:00[Europe/Stockholm]";

#[track_caller]
fn assert_means(language: Language, now: &str, said: &str, from: &str, until: &str) {
    let now: Zoned = now.parse().unwrap();
    let Window { not_before, not_after } = window(&words(said), language, &now);
    let show = |at: Option<jiff::Timestamp>| {
        at.map_or_else(String::new, |at| at.to_zoned(now.time_zone().clone()).strftime("%m-%d %H:%M").to_string())
    };
    assert_eq!([show(not_before), show(not_after)], [from, until], "{said}");
}

#[test]
fn swedish_times_are_what_a_swede_means() {
    for (said, from, until) in [
        ("", "", ""),
        ("om en stund", "", ""),
        ("om en timme", "11-18 11:15", ""),
        ("om en halvtimme", "11-18 10:45", ""),
        ("om tjugo minuter", "11-18 10:35", ""),
        ("om en kvart", "11-18 10:30", ""),
        ("om två dagar", "11-20 10:15", ""),
        ("om en vecka", "11-25 10:15", ""),
        ("imorgon efter fem", "11-19 17:00", "11-20 00:00"),
        ("i morgon efter klockan halv sex", "11-19 17:30", "11-20 00:00"),
        ("imorgon", "11-19 09:00", "11-20 00:00"),
        ("i övermorgon klockan tio", "11-20 10:00", ""),
        ("imorgon bitti", "11-19 08:00", "11-19 11:00"),
        ("imorgon klockan åtta på kvällen", "11-19 20:00", ""),
        ("ikväll", "11-18 17:00", "11-18 21:00"),
        ("i kväll vid sju", "11-18 19:00", ""),
        ("i eftermiddag", "11-18 13:00", "11-18 17:00"),
        ("på morgonen", "11-18 08:00", "11-18 11:00"),
        ("klockan 17 30", "11-18 17:30", ""),
        ("klockan nio", "11-18 21:00", ""),
        ("klockan elva", "11-18 11:00", ""),
        ("kvart över fem", "11-18 17:15", ""),
        ("kvart i sex", "11-18 17:45", ""),
        ("mellan fem och sju", "11-18 17:00", "11-18 19:00"),
        ("före tolv", "11-18 00:00", "11-18 12:00"),
        ("efter lunch", "11-18 13:00", "11-19 00:00"),
        ("efter jobbet", "11-18 17:00", "11-19 00:00"),
        ("på fredag eftermiddag", "11-20 13:00", "11-20 17:00"),
        ("på onsdag klockan tre", "11-25 15:00", ""),
        ("efter helgen", "11-23 09:00", "11-28 00:00"),
        ("i helgen", "11-21 09:00", "11-23 00:00"),
        ("nästa vecka", "11-23 09:00", "11-30 00:00"),
        ("nästa månad", "12-01 09:00", "01-01 00:00"),
        ("senare idag", "", "11-19 00:00"),
        ("en annan dag", "11-19 09:00", "11-20 00:00"),
    ] {
        assert_means(Language::Swedish, NOW, said, from, until);
    }
}

#[test]
fn english_times_are_what_a_briton_means() {
    for (said, from, until) in [
        ("in an hour", "11-18 11:15", ""),
        ("in half an hour", "11-18 10:45", ""),
        ("in a couple of hours", "11-18 12:15", ""),
        ("in two days", "11-20 10:15", ""),
        ("tomorrow after five", "11-19 17:00", "11-20 00:00"),
        ("tomorrow morning", "11-19 09:00", "11-19 12:00"),
        ("tomorrow at eight am", "11-19 08:00", ""),
        ("tomorrow at eight pm", "11-19 20:00", ""),
        ("tonight", "11-18 17:00", "11-18 21:00"),
        ("at half past five", "11-18 17:30", ""),
        ("quarter to six", "11-18 17:45", ""),
        ("five thirty", "11-18 17:30", ""),
        ("between five and seven", "11-18 17:00", "11-18 19:00"),
        ("on friday afternoon", "11-20 13:00", "11-20 17:00"),
        ("next monday", "11-23 09:00", "11-24 00:00"),
        ("in the evening", "11-18 17:00", "11-18 21:00"),
        ("before noon", "11-18 00:00", "11-18 12:00"),
    ] {
        assert_means(Language::English, NOW, said, from, until);
    }
}

#[test]
fn what_has_passed_today_is_meant_tomorrow() {
    let late = "2026-11-18T21:30:00+01:00[Europe/Stockholm]";
    assert_means(Language::Swedish, late, "klockan fem", "11-19 17:00", "");
    assert_means(Language::Swedish, late, "på kvällen", "11-19 17:00", "11-19 21:00");
    assert_means(Language::Swedish, late, "efter fem", "11-18 17:00", "11-19 00:00");
    let evening = "2026-11-18T18:00:00+01:00[Europe/Stockholm]";
    assert_means(Language::Swedish, evening, "ikväll", "11-18 17:00", "11-18 21:00");
}

#[test]
fn a_time_that_the_clocks_skip_is_later_and_one_they_show_twice_is_both() {
    // On 2026-03-29 two o'clock is three; on 2026-10-25 three is two.
    let before_the_gap = "2026-03-28T20:00:00+01:00[Europe/Stockholm]";
    assert_means(Language::English, before_the_gap, "tomorrow two thirty am", "03-29 03:30", "");
    assert_means(Language::Swedish, before_the_gap, "om tio timmar", "03-29 07:00", "");
    assert_means(Language::Swedish, before_the_gap, "imorgon efter fem", "03-29 17:00", "03-30 00:00");

    let before_the_fold: Zoned = "2026-10-24T20:00:00+02:00[Europe/Stockholm]".parse().unwrap();
    let said = words("tomorrow between two am and two 30 am");
    let Window { not_before, not_after } = window(&said, Language::English, &before_the_fold);
    assert_eq!(not_before.unwrap().to_string(), "2026-10-25T00:00:00Z", "the first two o'clock");
    assert_eq!(not_after.unwrap().to_string(), "2026-10-25T01:30:00Z", "the second half past two");
}
