#include "config.h"

#include "base/crc.h"

#include <stdbool.h>

/* 0x04c11db7 of IEEE 802.3 with its bits in wire order. */
#define POLYNOMIAL 0xedb88320U

/*
 * Eight bytes a turn ("slicing by 8"): table[k][b] is what byte b does to the
 * CRC when k more bytes follow it.
 */
static uint32_t table[8][256];

static void
table_fill(void)
{
	uint32_t crc;
	size_t b, k;
	int bit;

	for (b = 0; b < 256; b++) {
		crc = (uint32_t)b;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (POLYNOMIAL & -(crc & 1));
		table[0][b] = crc;
	}
	for (k = 1; k < 8; k++) {
		for (b = 0; b < 256; b++) {
			crc = table[k - 1][b];
			table[k][b] = crc >> 8 ^ table[0][crc & 0xff];
		}
	}
}

static uint32_t
add_eight(uint32_t crc, const unsigned char *p)
{
	crc ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
	return table[7][crc & 0xff] ^ table[6][crc >> 8 & 0xff] ^
	    table[5][crc >> 16 & 0xff] ^ table[4][crc >> 24] ^
	    table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
}

uint32_t
crc32_add(uint32_t crc, const void *data, size_t n)
{
	static bool filled;
	const unsigned char *p = data;

	if (!filled) {
		table_fill();
		filled = true;
	}
	crc = ~crc;
	for (; n >= 8; n -= 8, p += 8)
		crc = add_eight(crc, p);
	for (; n > 0; n--, p++)
		crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
	return ~crc;
}
