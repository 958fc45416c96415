#include "config.h"

#include "base/strmap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/process.h"
#include "base/str.h"
#include "base/xalloc.h"

/* What the kernel gives each program on its way costs no system call. */
uint64_t
strmap_start(void)
{
	const void *given = (const void *)getauxval(AT_RANDOM);
	uint64_t two[2];

	if (given != NULL)
		memcpy(two, given, sizeof(two));
	else
		process_random(two, sizeof(two));
	/* libc has secrets of its own made of each */
	return str_hash(two[0], &two[1], sizeof(two[1]));
}

/* The low bits of a hash know of the low ones of its start only, the high ones
 * of all. */
size_t
strmap_place(uint64_t start, const char *key, size_t cap)
{
	uint64_t h = str_hash(start, key, strlen(key));

	return (size_t)(h ^ (h >> 32)) & (cap - 1);
}

/* The slot that holds key, or the free one where it belongs. */
static struct strmap_slot *
find(const struct strmap *map, const char *key)
{
	size_t i = strmap_place(map->start, key, map->cap);

	while (map->slots[i].key != NULL && strcmp(map->slots[i].key, key) != 0)
		i = (i + 1) & (map->cap - 1);
	return &map->slots[i];
}

static void
grow(struct strmap *map)
{
	struct strmap old = *map;

	if (old.cap == 0)
		map->start = strmap_start();
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
