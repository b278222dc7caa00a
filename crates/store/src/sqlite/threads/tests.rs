//! A step that goes wrong, or that nobody waits for, is no other one's trouble.

use super::super::open::connect_or_create;
use super::*;

fn threads(folder: &tempfile::TempDir) -> Threads {
    let path = folder.path().join("x.db");
    let writer = connect_or_create(&path).unwrap();
    writer.execute_batch("CREATE TABLE t (n)").unwrap();
    Threads::start(&path, writer).unwrap()
}

fn insert(transaction: &Transaction<'_>) -> rusqlite::Result<usize> {
    transaction.execute("INSERT INTO t VALUES (1)", [])
}

#[tokio::test]
async fn a_step_that_panics_takes_back_itself_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let threads = threads(&folder);
    let panics = threads.write(|transaction| {
        insert(transaction)?;
        assert_eq!(transaction.changes(), 0, "as the test wants it");
        Ok(())
    });
    let (panicked, written) = tokio::join!(panics, threads.write(insert));
    assert!(panicked.is_err());
    assert_eq!(written.unwrap(), 1);
    // More than there are readers.
    for _ in 0..8 {
        assert!(threads.read(|_| -> rusqlite::Result<()> { panic!("as the test wants it") }).await.is_err());
    }
    let count =
        |connection: &Connection| connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0));
    assert_eq!(threads.read::<i64>(count).await.unwrap(), 1);
    assert!(threads.take_writes());
}

#[tokio::test]
async fn a_read_that_was_given_up_is_not_done_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let threads = threads(&folder);
    let done = Arc::new(AtomicBool::new(false));
    let gate = Arc::new(Mutex::new(()));
    {
        let _closed = gate.lock().unwrap();
        let busy = (0..4).map(|_| {
            let gate = Arc::clone(&gate);
            let mut busy = Box::pin(threads.read(move |_| {
                drop(gate.lock());
                Ok(())
            }));
            assert!(futures_util::FutureExt::now_or_never(&mut busy).is_none());
            busy
        });
        let busy: Vec<_> = busy.collect();
        let told = Arc::clone(&done);
        let given_up = threads.read(move |_| {
            told.store(true, Ordering::Relaxed);
            Ok(())
        });
        assert!(futures_util::FutureExt::now_or_never(given_up).is_none());
        drop(busy);
    }
    // Waits until everything is done that waits.
    drop(threads);
    assert!(!done.load(Ordering::Relaxed));
}
