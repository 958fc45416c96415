#include "config.h"

#include "base/clock.h"

#define HOUR_MS (60 * 60 * 1000)

int64_t
clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

time_t
clock_wall(void)
{
	/* Not time(2): it may lag behind clock_wall_us() by a tick. */
	return (time_t)(clock_wall_us() / 1000000);
}

int64_t
clock_wall_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int
clock_left_ms(int64_t deadline)
{
	int64_t left = deadline - clock_ms();

	if (left <= 0)
		return 0;
	return left < HOUR_MS ? (int)left : HOUR_MS;
}
