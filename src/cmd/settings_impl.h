/*
 * Inside of the settings; only their own files include this.
 *
 *	settings_keys.c		the table: which keys there are
 *	settings_text.c		values that are one string, checked and written
 *				in their canonical form
 *	settings_value.c	the types of values, and how each is set
 *	settings_show.c		how each is shown: what is in effect
 *	settings_parse.c	lines of a file
 *	settings_account.c	account blocks: who takes what from whom
 *	settings_place.c	where a key was set
 *	settings_check.c	what makes no sense together
 *	settings_list.c		the lists of keys
 *	settings.c		files, life, what deliver/ is told
 */
#ifndef CMD_SETTINGS_IMPL_H
#define CMD_SETTINGS_IMPL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strlist.h"
#include "cmd/settings.h"

enum value_type {
	TYPE_TEXT, TYPE_COMMAND, TYPE_PATH, TYPE_DOMAIN, TYPE_ADDRESS,
	TYPE_SERVERS, TYPE_LOG, TYPE_URL, TYPE_MECHANISMS, TYPE_CERTIFICATE,
	TYPE_PIN, TYPE_PROXY, TYPE_ADDRESSES,
	TYPE_NUMBER, TYPE_TIME, TYPE_SIZE, TYPE_CHOICE,
	TYPE_SMARTHOST, TYPE_FROM, TYPE_ROUTE, TYPE_MASQUERADE, TYPE_RULE,
	TYPE_ACCOUNT,
	TYPES
};

/* What is special about a key, as bits. */
enum {
	KEY_IN_ACCOUNT = 1,	/* may stand in an account block as well */
	KEY_REPEATS = 2,	/* may stand in a file more than once */
	KEY_HANDED_DOWN = 4,	/* an account without it takes the global one */
	KEY_CREDENTIAL = 8,	/* that, but only for the same smarthost */
	KEY_SOURCE = 16,	/* where the secret comes from: one of them */
	KEY_OAUTH = 32		/* goes with oauth-token-url */
};

/*
 * A key. def is what the manual shows; one in brackets is worked out in
 * settings_complete(), or is nothing. min and max bound numbers, and seconds
 * of times.
 */
struct key {
	const char *name;
	enum value_type type;
	unsigned flags;
	size_t	 at;		/* in struct settings; KEY_NOWHERE: in the
				 * account without a name */
	size_t	 account_at;	/* in struct account, for KEY_IN_ACCOUNT */
	const char *def;
	uint64_t min, max;
	const char *const *words;	/* TYPE_CHOICE: by number; NULL ends */
	const char *help;
};

#define KEY_NOWHERE ((size_t)-1)

extern const struct key settings_keys[];
extern const size_t settings_nkey;

/* The key of that name, or NULL. */
const struct key *key_find(const char *name);

/* Where the value of a key is; account 0 is outside of any block. */
void	*key_at(struct settings *, const struct key *, size_t account);
const void *key_value(const struct settings *, const struct key *,
	    size_t account);

/* What is being set. */
struct setting {
	struct settings *s;
	const struct key *key;
	size_t	 account;	/* its number */
	const char *where;	/* "FILE:LINE" */
};

/* Append the canonical form of a value that is one string. Returns 0, or -1
 * with *err. */
typedef int canonical_fn(const char *value, struct buf *out, struct err *);

/* Set it. Returns 0, or -1 with *err; its text is without the key. */
typedef int set_fn(const struct setting *, const char *value, struct err *);

/* Append the key as lines of a file; nothing when it is not set. */
typedef void show_fn(const struct settings *, const struct key *,
	    size_t account, struct buf *out);

/* A type of values. */
struct type {
	const char *name;	/* for the manual */
	canonical_fn *canonical;	/* NULL: it is not one owned string */
	set_fn	*set;
	show_fn	*show;
};

extern const struct type settings_types[TYPES];

/* What holds for all types, and then that of the key. */
set_fn	 value_set;

/* Split at blanks outside of double quotes, which stay. */
void	words_split(const char *text, struct strlist *out);

show_fn	 show_text, show_number, show_smarthost, show_from, show_routes,
	    show_rules, show_masquerade, show_account;
canonical_fn text_plain, text_path, text_domain, text_address, text_servers,
	    text_log, text_url, text_mechanisms, text_certificate, text_pin,
	    text_proxy, text_addresses;

/* Append a proxy's URL with the password masked. */
void	text_proxy_mask(const char *proxy, struct buf *out);

/* Where a key was set; of those that repeat, where last. account is a name, ""
 * outside of any block. */
struct settings_place {
	char	*where;		/* "FILE:LINE"; owned */
	unsigned file;		/* its number */
};

void	place_note(const struct setting *);

/* The place, or NULL: it was not set there. */
const struct settings_place *place_find(const struct settings *,
	    const char *key, const char *account);

void	place_forget(struct settings *, const char *key, const char *account);
void	places_release(struct settings *);

/* Begin an account, in place of one of that name. */
set_fn	 account_begin;

/* The end of a file: accounts of it come first, and a smarthost loses the
 * credentials of the files before. */
int	accounts_settle(struct settings *, struct err *);

/* Accounts take what they have not got themselves. */
void	accounts_inherit(struct settings *);

/* Has the account a smarthost of its own, or "none"? */
bool	account_stands_alone(const struct settings *, const struct account *);

/* What makes no sense in one account. */
int	account_check(const struct settings *, const struct account *,
	    struct err *);

#endif
