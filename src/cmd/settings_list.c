#include "config.h"

#include "cmd/settings_impl.h"

#include <string.h>

/* Break help into lines of at most 70 columns behind an indent. No line of
 * mdoc(7) may begin as a request does. */
static void
wrap(struct buf *out, const char *text, const char *indent, bool mdoc)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		if (column > 0 && column + 1 + n > 70) {
			buf_addc(out, '\n');
			column = 0;
		}
		buf_adds(out, column == 0 ? indent : " ");
		if (mdoc && column == 0 && strchr(".'", *text) != NULL)
			buf_adds(out, "\\&");
		column += n + 1;
		buf_add(out, text, n);
		text += n;
		text += *text == ' ';
	}
	buf_addc(out, '\n');
}

/* Is it said of this key that it may stand in an account as well? */
static bool
also_in_account(const struct key *key)
{
	return (key->flags & KEY_IN_ACCOUNT) && key->type != TYPE_ACCOUNT;
}

void
settings_list(struct buf *out)
{
	for (size_t i = 0; i < settings_nkey; i++) {
		const struct key *key = &settings_keys[i];

		buf_printf(out, "%s %s  (default: %s)%s\n", key->name,
		    settings_types[key->type].name, key->def,
		    also_in_account(key) ? " also in accounts" : "");
		wrap(out, key->help, "    ", false);
	}
}

void
settings_list_mdoc(struct buf *out)
{
	for (size_t i = 0; i < settings_nkey; i++) {
		const struct key *key = &settings_keys[i];

		buf_printf(out, ".It Ic %s Ar %s\n", key->name,
		    settings_types[key->type].name);
		if (also_in_account(key))
			buf_adds(out, "Also in accounts.\n");
		buf_printf(out, "Default:\n.Li \"%s\" .\n", key->def);
		wrap(out, key->help, "", true);
	}
}
