/*
 * Writing JSON (RFC 8259), one object a line. Text that is not UTF-8 is
 * written with U+FFFD in place of the bad bytes; control characters, U+0080 to
 * U+009F too, as \u00XX.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Members of an object, in order: json_open(), any of the members,
 * json_close(). name NULL: an element of an array or the outermost value.
 * Commas are put where they are needed, by looking at the last byte of out.
 */
void	json_open(struct buf *out, const char *name);
void	json_close(struct buf *out);
void	json_open_array(struct buf *out, const char *name);
void	json_close_array(struct buf *out);
void	json_string(struct buf *out, const char *name, const char *value);
void	json_number(struct buf *out, const char *name, int64_t value);
void	json_bool(struct buf *out, const char *name, bool value);

/* value in thousandths, written with three decimals (for seconds from ms). */
void	json_milli(struct buf *out, const char *name, int64_t value);
void	json_null(struct buf *out, const char *name);

#endif
