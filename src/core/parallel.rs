//! Work on many items by several threads, with the results handled by the calling thread.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Most results per worker that are queued for the calling thread: bounds their memory.
const WAITING_PER_WORKER: usize = 4;

/// Lets `threads` workers do `work` on all items; `handle` gets each item's index and result, in
/// order of completion, on the calling thread.
///
/// `start` makes each worker's own state (a detector, say) on that worker's thread.
///
/// # Errors
/// The first error of `start` or `handle`; no further items are started after it.
pub fn for_each<Item, State, Output, Error>(
    items: &[Item],
    threads: NonZeroUsize,
    start: impl Fn() -> Result<State, Error> + Sync,
    work: impl Fn(&mut State, &Item) -> Output + Sync,
    mut handle: impl FnMut(usize, Output) -> Result<(), Error>,
) -> Result<(), Error>
where
    Item: Sync,
    Output: Send,
    Error: Send,
{
    let next = AtomicUsize::new(0);
    let workers = threads.get().min(items.len());
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(workers * WAITING_PER_WORKER + 1);
        for _ in 0..workers {
            let (sender, next, start, work) = (sender.clone(), &next, &start, &work);
            scope.spawn(move || {
                let mut state = match start() {
                    Ok(state) => state,
                    Err(error) => return drop(sender.send(Err(error))),
                };
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { return };
                    // The receiver is gone when the calling thread has given up.
                    if sender.send(Ok((index, work(&mut state, item)))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for message in receiver {
            let (index, output) = message?;
            handle(index, output)?;
        }
        Ok(())
    })
}

/// Puts results that arrive in any order back into the order of their indices.
#[derive(Debug)]
pub struct InOrder<Output> {
    next: usize,
    early: BTreeMap<usize, Output>,
}

impl<Output> Default for InOrder<Output> {
    fn default() -> Self {
        Self {
            next: 0,
            early: BTreeMap::new(),
        }
    }
}

impl<Output> InOrder<Output> {
    /// Takes one result; returns those that are next in order.
    pub fn push(&mut self, index: usize, output: Output) -> Vec<Output> {
        self.early.insert(index, output);
        let mut ready = Vec::new();
        while let Some(output) = self.early.remove(&self.next) {
            ready.push(output);
            self.next += 1;
        }
        ready
    }
}

/// Most results in each worker's own queue: enough to bridge one slow item.
const WAITING_IN_ORDER: usize = 2;

/// As [`for_each`], but `handle` gets the results in the items' order; `work` gets each item's
/// index. A slow item holds up those behind it, and memory stays bounded: at most three results a
/// worker wait to be handled.
///
/// # Errors
/// The first error of `start` or `handle`; the workers stop after it.
pub fn for_each_in_order<Item, State, Output, Error>(
    items: &[Item],
    threads: NonZeroUsize,
    start: impl Fn() -> Result<State, Error> + Sync,
    work: impl Fn(&mut State, usize, &Item) -> Output + Sync,
    mut handle: impl FnMut(Output) -> Result<(), Error>,
) -> Result<(), Error>
where
    Item: Sync,
    Output: Send,
    Error: Send,
{
    let workers = threads.get().min(items.len());
    thread::scope(|scope| {
        let receivers: Vec<_> = (0..workers)
            .map(|first| {
                let (sender, receiver) = mpsc::sync_channel(WAITING_IN_ORDER);
                let (start, work) = (&start, &work);
                scope.spawn(move || {
                    let mut state = match start() {
                        Ok(state) => state,
                        Err(error) => return drop(sender.send(Err(error))),
                    };
                    for (index, item) in items.iter().enumerate().skip(first).step_by(workers) {
                        let output = work(&mut state, index, item);
                        if sender.send(Ok(output)).is_err() {
                            return;
                        }
                    }
                });
                receiver
            })
            .collect();
        for index in 0..items.len() {
            match receivers[index % workers].recv() {
                Ok(output) => handle(output?)?,
                // The worker panicked; the scope passes that on.
                Err(_) => break,
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_handled_once_and_can_be_put_in_order() {
        let items: Vec<usize> = (0..500).collect();
        let threads = NonZeroUsize::new(3).expect("not zero");
        let (mut order, mut handled) = (InOrder::default(), Vec::new());
        for_each(
            &items,
            threads,
            || Ok::<_, ()>(1),
            |one, item| item + *one,
            |index, output| {
                handled.extend(order.push(index, output));
                Ok(())
            },
        )
        .expect("nothing fails");
        assert_eq!(handled, (1..=500).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_error_ends_the_work() {
        let items: Vec<usize> = (0..100_000).collect();
        let threads = NonZeroUsize::new(2).expect("not zero");
        let begun = AtomicUsize::new(0);
        let result = for_each(
            &items,
            threads,
            || Ok(()),
            |(), _| begun.fetch_add(1, Ordering::Relaxed),
            |_, _| Err("stop"),
        );
        assert_eq!(result, Err("stop"));
        assert!(begun.load(Ordering::Relaxed) < 1000);
        let failed = for_each(
            &items,
            threads,
            || Err::<(), _>("no state"),
            |(), _| (),
            |_, ()| Ok(()),
        );
        assert_eq!(failed, Err("no state"));
    }

    #[test]
    fn results_come_in_order_for_any_number_of_threads() {
        let items: Vec<u64> = (0..57).collect();
        for threads in [1, 2, 3, 64].map(|count| NonZeroUsize::new(count).expect("not zero")) {
            let mut results = Vec::new();
            for_each_in_order(
                &items,
                threads,
                || Ok::<_, ()>(2),
                |two, index, item| {
                    thread::sleep(std::time::Duration::from_micros(item * 37 % 11 * 100));
                    (index as u64, item * *two)
                },
                |result| {
                    results.push(result);
                    Ok(())
                },
            )
            .expect("nothing fails");
            let expected: Vec<_> = items.iter().map(|item| (*item, item * 2)).collect();
            assert_eq!(results, expected, "{threads} threads");
        }
    }

    #[test]
    fn the_first_error_in_order_ends_the_work() {
        let items: Vec<u32> = (0..1000).collect();
        let mut handled = 0;
        let result = for_each_in_order(
            &items,
            NonZeroUsize::MIN,
            || Ok(()),
            |(), _, item| *item,
            |item| {
                handled += 1;
                if item == 5 { Err("five") } else { Ok(()) }
            },
        );
        assert_eq!((result, handled), (Err("five"), 6));
        let failed = for_each_in_order(
            &items,
            NonZeroUsize::MIN,
            || Err::<(), _>("no state"),
            |(), _, _| (),
            |()| Ok(()),
        );
        assert_eq!(failed, Err("no state"));
    }
}
