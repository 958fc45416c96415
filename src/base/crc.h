/*
 * CRC-32 (IEEE 802.3, as in gzip): finds files that a crash or a disk has
 * damaged. It is no protection against forgery.
 */
#ifndef BASE_CRC_H
#define BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of n bytes, going on from crc (0 to begin). */
uint32_t crc32_add(uint32_t crc, const void *, size_t n);

#endif
