use super::*;
use proptest::prelude::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn what_happened_counts_for_a_window_and_at_most_a_sixtieth_longer() {
    let mut window = Window::new(ms(60_000));
    window.add(ms(999), 5);
    window.advance(ms(60_998));
    assert_eq!(window.sum(), 5, "it is not a whole window old");
    assert_eq!(window.until_below(5, ms(60_998)), ms(2));
    window.advance(ms(61_000));
    assert_eq!(window.sum(), 0);
    assert_eq!(window.longest(), ms(61_000));
}

#[test]
fn what_is_taken_back_counts_no_more_and_nothing_else_goes() {
    let mut window = Window::new(ms(60_000));
    let first = window.add(ms(0), 3);
    let second = window.add(ms(1_000), 4);
    window.take_back(first, 2);
    assert_eq!(window.sum(), 5);
    window.advance(ms(61_000));
    assert_eq!(window.sum(), 4);
    // The slot of the first one has another part now.
    window.add(ms(61_000), 7);
    window.take_back(first, 3);
    assert_eq!(window.sum(), 11);
    window.take_back(second, 9);
    assert_eq!(window.sum(), 7);
}

#[test]
fn widths_that_divide_badly_and_ends_of_time_are_survived() {
    for width in [Duration::from_nanos(1), Duration::from_nanos(61), ms(1_001), Duration::MAX] {
        let mut window = Window::new(width);
        assert!(window.longest() >= width.min(Duration::from_nanos(u64::MAX)));
        window.add(Duration::MAX, 1);
        window.add(Duration::ZERO, u64::MAX);
        assert_eq!(window.sum(), u64::MAX);
        window.until_below(1, Duration::MAX);
        window.resized(ms(7), Duration::MAX).until_empty(Duration::MAX);
    }
}

proptest! {
    /// Against a list of all that happened: never less than the last window, never more than a sixtieth beyond it.
    #[test]
    fn the_sum_is_between_that_of_a_window_and_a_little_more(
        width in 1_000u64..5_000,
        steps in prop::collection::vec((0u64..2_000, 0u64..4), 1..200),
    ) {
        let mut window = Window::new(Duration::from_micros(width));
        let (mut now, mut all) = (0u64, Vec::new());
        for (step, count) in steps {
            now += step;
            let time = Duration::from_micros(now);
            window.add(time, count);
            all.push((now, count));
            let since = |from: u64| all.iter().filter(|(at, _)| *at + from > now).map(|(_, n)| n).sum::<u64>();
            let longest = u64::try_from(window.longest().as_micros()).unwrap() + 1;
            prop_assert!(window.sum() >= since(width));
            prop_assert!(window.sum() <= since(longest));
            // And the time that is told is exact.
            for limit in 1..6 {
                let wait = window.until_below(limit, time);
                let sum_after = |wait| {
                    let mut later = window.clone();
                    later.advance(time + wait);
                    later.sum()
                };
                prop_assert!(sum_after(wait) < limit);
                if !wait.is_zero() {
                    prop_assert!(sum_after(wait - Duration::from_nanos(1)) >= limit);
                }
            }
        }
    }

    /// Another width forgets nothing that the new one must know, as far as the old one knew it.
    #[test]
    fn a_new_width_keeps_what_still_counts(
        old in 1_000u64..5_000,
        new in 1_000u64..5_000,
        steps in prop::collection::vec((0u64..300, 0u64..4), 1..100),
    ) {
        let mut window = Window::new(Duration::from_micros(old));
        let (mut now, mut all) = (0u64, Vec::new());
        for (step, count) in steps {
            now += step;
            window.add(Duration::from_micros(now), count);
            all.push((now, count));
        }
        let resized = window.resized(Duration::from_micros(new), Duration::from_micros(now));
        let known = old.min(new);
        let counted = all.iter().filter(|(at, _)| at + known > now).map(|(_, n)| n).sum::<u64>();
        prop_assert!(resized.sum() >= counted);
        prop_assert!(resized.sum() <= window.sum());
    }
}
