#include "config.h"

#include "cmd/settings_impl.h"

#include <stdlib.h>

#include "base/xalloc.h"

/* The slot of a key; no name holds a blank. */
static void
write_slot(const char *key, const char *account, struct buf *out)
{
	buf_printf(out, "%s %s", account, key);
}

const struct settings_place *
place_find(const struct settings *s, const char *key, const char *account)
{
	const struct settings_place *place;
	struct buf slot = { 0 };

	write_slot(key, account, &slot);
	place = strmap_get(&s->places, buf_str(&slot));
	buf_release(&slot);
	return place;
}

static void
place_free(struct settings_place *place)
{
	if (place == NULL)
		return;
	free(place->where);
	free(place);
}

static void
place_set(struct settings *s, const char *key, const char *account,
    struct settings_place *place)
{
	struct buf slot = { 0 };
	void **at;

	write_slot(key, account, &slot);
	at = strmap_at(&s->places, buf_str(&slot));
	place_free(*at);
	*at = place;
	buf_release(&slot);
}

void
place_note(const struct setting *set)
{
	struct settings_place *place = xmalloc(sizeof(*place));

	*place = (struct settings_place){ .where = xstrdup(set->where),
		.file = set->s->files };
	place_set(set->s, set->key->name,
	    set->s->routing.accounts[set->account].name, place);
}

void
place_forget(struct settings *s, const char *key, const char *account)
{
	if (place_find(s, key, account) != NULL)
		place_set(s, key, account, NULL);
}

void
places_release(struct settings *s)
{
	for (size_t i = 0; i < s->places.cap; i++)
		if (s->places.slots[i].key != NULL)
			place_free(s->places.slots[i].value);
	strmap_release(&s->places);
}
