/*
 * The spool: the directory in which messages wait, and the few verbs by which
 * everything above reaches it.
 *
 *	SPOOL/queue/ID		committed and waiting. The file's modification
 *				time says when the next attempt is due, so that
 *				a pass that finds nothing due opens nothing.
 *	SPOOL/hold/ID		committed, waiting for somebody to release it.
 *	SPOOL/run/RUN/		RUN is a small number; for a guest, UID-NUMBER.
 *				Belongs to the process that holds flock(2) on
 *				it. The lock is the claim: there is one for all
 *				the entries of a process, however many. The
 *				directory stays for the next process, unless
 *				there are too many of them.
 *	SPOOL/run/RUN/ID	committed; the holder is delivering it.
 *	SPOOL/run/RUN/ID.new	being written; nobody was promised anything.
 *	SPOOL/damaged/ID	set aside: not ours, damaged, newer version.
 *	SPOOL/sites/KEY		what is remembered of a site (sites.h).
 *
 * Each step is one rename or unlink that moves an entry from one row to the
 * next, whatever dies in between:
 *
 *	run/RUN/ID.new -> run/RUN/ID	commit, when it is delivered at once
 *	run/RUN/ID.new -> queue/ID	commit, when it is only queued
 *	queue/ID -> run/RUN/ID		claim: whoever's rename succeeds has it
 *	run/RUN/ID -> queue/ID		defer
 *	run/RUN/ID unlinked		complete
 *	run/RUN/ID -> hold/ID		hold
 *	hold/ID -> queue/ID		release
 *	hold/ID unlinked		remove
 *	run/RUN/ID -> damaged/ID	set aside
 *
 * When the holder of run/RUN dies, the kernel drops its lock, and the next
 * process that takes the directory, or a flush (spool_recover()), puts its
 * entries back into queue/, due at once, and removes the .new files.
 *
 * A guest (process_serves_guest()) takes the lock of no directory but his own:
 * while a process holds it nobody else puts back what is in it, and he may stop
 * his processes. For the same reason he takes none of those that others need,
 * and has a bounded number.
 *
 * What is in hold/ never passes through run/ on its way elsewhere, for a
 * process that dies there leaves it to the queue, and it would be sent. It is
 * dealt with where it is, under a lock of its file (held.h).
 *
 * Sync: nothing is synced before spool is asked for a promise (sync true in
 * draft_commit(), entry_promise(), and entry_defer() after those).
 * A failed fsync is final: the entry is not used.
 *
 * The layout of an entry's file is described in postrider-queue(5) and owned
 * by entry.c. Ids are unique, sort by time, and are of letters and digits.
 */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "mail/envelope.h"
#include "spool/event.h"

#define SPOOL_ID_MAX 24

struct spool {
	char	*path;		/* for messages; owned */
	int	 fd;		/* of the directory; -1: not open */
	int	 queue_fd;
	int	 run_fd;	/* SPOOL/run */
	int	 mine_fd;	/* SPOOL/run/RUN, locked; -1: none yet */
	char	 mine[SPOOL_ID_MAX];
	bool	 mine_synced;	/* its directory entry is on disk */
	bool	 tree_synced;	/* and those of the spool itself */
	bool	 shared;	/* by a group: files 0660, directories 2770 */
	gid_t	 gid;		/* that group */
	bool	 guest;		/* the caller has no right to it of his own */
	char	 seen_in[SPOOL_ID_MAX];	/* RUN: see spool_scan() */
};

/* Where an entry stands. */
enum spool_place { PLACE_QUEUE, PLACE_RUN, PLACE_HOLD, PLACE_DAMAGED };

/*
 * One entry in the hands of the process: its file is run/RUN/id of mine_fd.
 * The file is open only while somebody needs it.
 */
struct entry {
	char	 id[SPOOL_ID_MAX];
	struct envelope env;
	uint64_t message_at;	/* offset of the message in the file */
	bool	 promised;	/* is on stable storage, must stay so */
	int	 fd;		/* -1 when closed; see entry_open() */

	/* inside of the spool */
	uint64_t end;		/* where the next line of the journal goes */
	uint32_t seed;		/* from which the CRCs of its lines go on */
	bool	 torn;		/* something half written is behind end */
	bool	 dirty;		/* holds what is owed to the disk */
	bool	 sync_failed;	/* once is for ever: nothing is promised */
};

/*
 * Open the spool, making what is missing of it (directories 0700, or 0770
 * with the group when set-group-id): queue/ and run/, and in a new one hold/
 * and damaged/, which are made when they are needed where somebody has removed
 * them. Refuses a path that is not a directory,
 * is a link, or can be written by others.
 *
 * Returns 0, or -1 with *err (ERR_CONFIG for a wrong place, ERR_TEMP 4.3.0).
 */
int	spool_open(struct spool *, const char *path, struct err *);

/*
 * Close, and let go of run/RUN. Safe on a spool never opened (all
 * zero). A worker does not call it: the claim is its parent's.
 */
void	spool_close(struct spool *);

/*
 * Bring all entries that the process holds to stable storage as they are, where
 * the next process that comes finds them; for one that has to end. Allocates
 * nothing. Returns 0, or -1 with *err.
 */
int	spool_promise_all(struct spool *, struct err *);

/* A message being written. */
struct draft {
	struct spool *spool;
	char	 id[SPOOL_ID_MAX];
	int	 fd;
	uint64_t message_at, at;
	uint32_t crc;		/* of the message so far */
	struct buf pending;	/* not yet written */
};

/*
 * Begin a new entry: makes the id and run/RUN/ID.new. Returns 0, or -1 with
 * *err (ERR_TEMP 4.3.1 no space, 4.3.0 other).
 */
int	spool_draft(struct spool *, struct draft *, struct err *);

/* Append message bytes (CRLF lines). Returns 0, or -1 with *err. */
int	draft_write(struct draft *, const void *, size_t n, struct err *);

/*
 * Write the envelope and commit in one instant.
 *
 * env    taken: on success it moves into *out (or is released for
 *        PLACE_QUEUE when out is NULL) and *env is empty; env->size is set.
 * place  PLACE_RUN: delivery follows at once. PLACE_QUEUE: it waits.
 * due    for PLACE_QUEUE: when the first attempt is due.
 * sync   on stable storage before this returns (file, then directories).
 * out    the entry, for PLACE_RUN; its file stays open.
 *
 * Returns 0; or -1 with *err, and the draft is gone.
 */
int	draft_commit(struct draft *, struct envelope *env,
	    enum spool_place place, time_t due, bool sync, struct entry *out,
	    struct err *);

/* Remove a draft that is not to be. Safe on one already gone. */
void	draft_abort(struct draft *);

/*
 * Look at what there is, without opening anything.
 *
 * Calls fn for each entry, and whatever else has the name of one, as a
 * directory or a link (opening that says what it is): in PLACE_QUEUE with its due time, in PLACE_RUN of
 * other processes and of this one, PLACE_HOLD, PLACE_DAMAGED (their due time
 * is when they came there). fn returns false to stop; it may claim the entry.
 * An entry that moves meanwhile may be seen twice or not at all. A due time
 * more than 30 days ahead is the work of a clock that jumped: due now.
 * During a call for PLACE_RUN seen_in of the spool is the name of its RUN.
 *
 * Returns 0, or -1 with *err.
 */
typedef bool spool_scan_fn(void *arg, const char *id, enum spool_place,
	    time_t due);
int	spool_scan(struct spool *, spool_scan_fn *, void *arg, struct err *);

/* Call fn for each file in queue/ or hold/ that has no entry's name: nothing
 * ever touches it, and somebody should know. Returns 0, or -1 with *err. */
typedef void spool_stranger_fn(void *arg, enum spool_place,
	    const char *name);
int	spool_strangers(struct spool *, spool_stranger_fn *, void *arg,
	    struct err *);

/*
 * What every claim needs: a directory in run, and its name on stable storage.
 * Claims see to it themselves; it is for who has many to make, and asks first
 * whether there is any use in it. Returns 0, or -1 with *err.
 */
int	spool_ready(struct spool *, struct err *);

/*
 * Claim one entry that waits, and read its envelope and journal.
 *
 * place  PLACE_QUEUE or PLACE_HOLD: where it waits.
 * out    filled; its file is closed; release with entry_release().
 *
 * Returns 1; 0 when somebody else has it or it is gone; -1 with *err when it
 * is damaged (ERR_DATA; it is then in damaged/) or cannot be read (ERR_TEMP;
 * it waits where it was).
 */
int	spool_claim(struct spool *, const char *id, enum spool_place place,
	    struct entry *out, struct err *);

/*
 * Read an entry wherever it is, without claiming it: for mailq and --show.
 * Its file is open for reading until entry_release(); entry_header(),
 * entry_history() and entry_verify() may be used on it, nothing else.
 * Returns 1, 0 when it is gone, -1 with *err (ERR_DATA: it is damaged).
 */
int	spool_peek(struct spool *, const char *id, enum spool_place,
	    struct entry *out, struct err *);

/*
 * The same of one in PLACE_RUN of which spool_scan() has told the RUN: looks
 * there only, and not into all of them, which are as many as there are
 * processes. 0: it may be in another by now.
 */
int	spool_peek_run(struct spool *, const char *id, const char *run,
	    struct entry *out, struct err *);

/*
 * Put back what dead processes left, of a guest only his: see above. Cheap
 * when there is nothing. Removes empty directories that a crowd has left, or a
 * guest, unless it is called for a guest.
 * recovered, when not NULL, gets the number of entries. Returns 0 or -1.
 */
int	spool_recover(struct spool *, size_t *recovered, struct err *);

/*
 * Remove what was set aside. Returns 1, 0 when it is gone, -1 with *err
 * (ERR_DATA: it is a directory that is not empty, which is left alone).
 */
int	spool_discard(struct spool *, const char *id, struct err *);

/*
 * Bring to stable storage what was moved and removed: with it, nothing that
 * is gone comes back. Returns 0, or -1 with *err.
 */
int	spool_sync(struct spool *, struct err *);

/* Make sure the entry's file is open for reading and appending. */
int	entry_open(struct spool *, struct entry *, struct err *);
void	entry_close(struct entry *);

/*
 * A descriptor of its own for a worker, that can read and not write; the
 * caller closes it. The message is env.size octets at message_at: use
 * pread(2). Returns the descriptor, or -1 with *err.
 */
int	entry_reader(struct spool *, struct entry *, struct err *);

/*
 * Does the stored message still have its checksum? Reads it all. To be asked
 * before an entry that was claimed is sent, for after a power cut one that
 * was never promised may stand there with half of its octets.
 * Returns 0, or -1 with *err: ERR_DATA no (see entry_set_aside()).
 */
int	entry_verify(struct spool *, struct entry *, struct err *);

/*
 * Append one outcome to the journal (one write, O(1)) and note it in the
 * envelope. Opens the file when it is closed. Returns 0, or -1 with *err
 * (the envelope is noted all the same).
 */
int	entry_record(struct spool *, struct entry *, size_t rcpt,
	    const struct outcome *, time_t now, struct err *);

/*
 * The same of n rows at once, all or none: one write, and what of it is there
 * when it fails is cut off.
 *
 * fn  says what became of a row; asked twice of each, before anything is noted
 *     of it.
 *
 * Returns 0, or -1 with *err, and nothing is noted.
 */
typedef void entry_outcome_fn(void *arg, const struct entry *, size_t rcpt,
	    struct outcome *);
int	entry_record_all(struct spool *, struct entry *, const size_t *rcpts,
	    size_t n, entry_outcome_fn *fn, void *arg, time_t now,
	    struct err *);

/* Append: the failures of these rows are reported by a committed DSN. */
int	entry_record_reported(struct spool *, struct entry *,
	    const size_t *rcpts, size_t n, struct err *);

/* The same of their delay. */
int	entry_record_warned(struct spool *, struct entry *,
	    const size_t *rcpts, size_t n, struct err *);

/*
 * Append: somebody has held, released, requeued it (EVENT_HELD and the two
 * behind it), and note it in the envelope. Returns 0, or -1 with *err.
 */
int	entry_record_deed(struct spool *, struct entry *, enum event_kind,
	    uint32_t uid, time_t now, struct err *);

/*
 * Tell fn each line of the journal, in order. Opens the file when it is
 * closed. Returns 0, or -1 with *err.
 */
typedef void entry_history_fn(void *arg, const struct event *);
int	entry_history(struct spool *, struct entry *, entry_history_fn *,
	    void *arg, struct err *);

/*
 * Bring the entry to stable storage where it is (file, run/RUN, run). After
 * this the caller may be told that it is kept. Returns 0, or -1 with *err.
 */
int	entry_promise(struct spool *, struct entry *, struct err *);

/*
 * Give the claim back: set the due time and move to queue/. With promise true
 * it is on stable storage then; an entry that was promised before is so where
 * it was, and only what was done since is synced. Returns 0, or -1 with *err; the
 * entry is then still in run/RUN and will be recovered.
 */
int	entry_defer(struct spool *, struct entry *, time_t due, bool promise,
	    struct err *);

/* Put back into queue/ what was claimed and left as it was, due when it was.
 * Returns 0, or -1 with *err; it will then be recovered. */
int	entry_unclaim(struct spool *, struct entry *, struct err *);

/* Nothing is left to do: remove it. */
int	entry_complete(struct spool *, struct entry *, struct err *);

/* Move a claimed entry to hold/, to damaged/. */
int	entry_hold(struct spool *, struct entry *, struct err *);
int	entry_set_aside(struct spool *, struct entry *, struct err *);

/* Free memory and close; leaves the file where it is. */
void	entry_release(struct entry *);

/*
 * Append the header block of the stored message (CRLF, without the empty
 * line) to out, at most max octets.
 */
int	entry_header(struct spool *, struct entry *, size_t max,
	    struct buf *out, struct err *);

#endif
