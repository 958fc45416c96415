#include "config.h"

#include "base/strmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"

/* The slot that holds key, or the free one where it belongs. */
static struct strmap_slot *
find(const struct strmap *map, const char *key)
{
	size_t i = str_hash(STR_HASH_INIT, key, strlen(key)) & (map->cap - 1);

	while (map->slots[i].key != NULL && strcmp(map->slots[i].key, key) != 0)
		i = (i + 1) & (map->cap - 1);
	return &map->slots[i];
}

static void
grow(struct strmap *map)
{
	struct strmap old = *map;

	map->cap = old.cap == 0 ? 16 : old.cap * 2;
	map->slots = xcalloc(map->cap, sizeof(*map->slots));
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].key != NULL)
			*find(map, old.slots[i].key) = old.slots[i];
	free(old.slots);
}

void **
strmap_at(struct strmap *map, const char *key)
{
	struct strmap_slot *slot;

	if (map->n * 2 >= map->cap)
		grow(map);
	slot = find(map, key);
	if (slot->key == NULL) {
		slot->key = xstrdup(key);
		map->n++;
	}
	return &slot->value;
}

void *
strmap_get(const struct strmap *map, const char *key)
{
	return map->cap == 0 ? NULL : find(map, key)->value;
}

void
strmap_release(struct strmap *map)
{
	for (size_t i = 0; i < map->cap; i++)
		free(map->slots[i].key);
	free(map->slots);
	*map = (struct strmap){ 0 };
}
