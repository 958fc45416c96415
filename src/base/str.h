/*
 * Small helpers for C strings. ASCII only: the locale never matters, because
 * mail syntax does not know it.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * Copy src into dst of size bytes, cut where it does not fit, always NUL
 * terminated. Returns true when nothing was cut.
 */
bool	 str_copy(char *dst, size_t size, const char *src);

/* Compare without regard to ASCII case: whole strings; the first n bytes. */
bool	 str_ieq(const char *, const char *);
bool	 str_ieqn(const char *, const char *, size_t n);

/* Does s begin with prefix (ASCII case ignored for str_istarts)? */
bool	 str_starts(const char *s, const char *prefix);
bool	 str_istarts(const char *s, const char *prefix);

/* Find needle in haystack without regard to ASCII case; NULL when absent. */
const char *str_icasestr(const char *haystack, const char *needle);

/* Lower the ASCII letters of s in place and return it. */
char	*str_lower(char *s);

/* Strip blanks and tabs (and CR, LF) at both ends in place; returns inside. */
char	*str_trim(char *s);

/* Any byte below 0x20, or 0x7f? */
bool	 str_has_control(const char *s);

/* Any byte above 0x7f? */
bool	 str_has_8bit(const char *s);

/*
 * Make text from the network or a caller harmless for one line of a log, a
 * terminal or a report: each control byte and each byte that is not valid
 * UTF-8 becomes '?', in place. Returns s.
 */
char	*str_sanitise(char *s);

/*
 * Parse a whole decimal number without sign or blanks, at most max.
 * Returns 0, or -1 when it is not one or is larger than max.
 */
int	 str_number(const char *s, uint64_t max, uint64_t *n);

/*
 * Parse a length of time: a number of seconds, or numbers with units s m h d
 * w, as in "90", "30m", "1h30m", "5d". Returns 0, or -1.
 */
int	 str_duration(const char *s, unsigned *seconds);

/* 64-bit FNV-1a hash of n bytes, continuing from h (start: STR_HASH_INIT). */
#define STR_HASH_INIT 0xcbf29ce484222325ULL
uint64_t str_hash(uint64_t h, const void *, size_t n);

/*
 * Percent-escape for one field of a line-oriented file: every byte up to and
 * including blank, '%', 0x7f becomes %XX, so a field can hold neither blank
 * nor line end. The empty string is written as "%". str_unescape is the
 * inverse: appends to out, returns 0, or -1 when s is not well-formed.
 */
void	 str_escape(struct buf *out, const char *s);
int	 str_unescape(struct buf *out, const char *s, size_t n);

#endif
