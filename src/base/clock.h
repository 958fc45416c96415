/*
 * Time that only moves forward, for waiting; and time of day, for people.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds of the monotonic clock. */
int64_t	clock_ms(void);

/* Seconds of the wall clock since 1970. */
time_t	clock_wall(void);

/* Microseconds of the wall clock since 1970. */
int64_t	clock_wall_us(void);

/*
 * What poll(2) wants for a deadline (a value of clock_ms()): milliseconds
 * left, 0 when it has passed, never more than 1 hour.
 */
int	clock_left_ms(int64_t deadline);

#endif
