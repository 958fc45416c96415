/*
 * The line that message.c is gathering, and what may be said of a line.
 *
 * A line is judged once: when its end is known, or when it is one octet
 * longer than a line may be. So what comes in pieces is judged by the same
 * octets as what comes at once. Judging also undoes the quoting of its first
 * octets; line_kind is then no longer LINE_UNKNOWN.
 */
#ifndef MAIL_MESSAGE_LINE_H
#define MAIL_MESSAGE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/message.h"

#define LINE_JUDGE_AT (MESSAGE_LINE_MAX + 1)

enum line_kind { LINE_UNKNOWN, LINE_FROM, LINE_FIELD, LINE_FOLD, LINE_BODY };

/*
 * Move bytes into the line until it holds limit of them. A CR waits for what
 * follows it: LF makes it part of a line end, anything else a blank.
 *
 * n      more than 0; there is no LF among the bytes.
 * limit  not less than the line holds.
 *
 * Returns how many were used; 0 is progress too (the blank).
 */
size_t	line_gather(struct message *, const char *, size_t n, size_t limit);

/* Forget the line: the next one begins. */
void	line_reset(struct message *);

/* Is it "." alone, and does that end the message? */
bool	line_is_end(const struct message *);

/* Undo the doubled dot, the '>' before "From " where the caller has them. */
void	line_undo_dot(struct message *);
void	line_undo_mbox(struct message *);

/* Is there a byte above 0x7f? */
bool	line_has_8bit(const char *, size_t n);

/* Length of the name when s begins with a field's name and colon, else 0. */
size_t	line_field_name(const char *, size_t n);

/* Does s begin with any number of '>' and "From "? */
bool	line_is_from(const char *, size_t n);

/*
 * Where to break s, which has more than MESSAGE_LINE_MAX octets: before a
 * blank, so that no word suffers, but not far from the end, so that the
 * pieces do not become many; else never inside a UTF-8 sequence.
 */
size_t	line_break_at(const char *);

#endif
