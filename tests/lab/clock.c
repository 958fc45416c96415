/*
 * A clock that is wrong, to be loaded in front of a program's own libraries:
 *
 *	LD_PRELOAD=clock.so LAB_CLOCK="OFFSET [AFTER]" PROGRAM
 *
 * From AFTER seconds behind the start on the time of day is OFFSET seconds
 * ahead. Clocks for waiting, and the times that the kernel gives to files,
 * stay as they are. (libfaketime asks the environment again and again, and
 * the program under test has emptied that.)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

typedef int clock_fn(clockid_t, struct timespec *);

static clock_fn *real;
static long long offset_s;
static double after_s;
static struct timespec start;

__attribute__((constructor)) static void
begin(void)
{
	const char *text = getenv("LAB_CLOCK");

	real = (clock_fn *)dlsym(RTLD_NEXT, "clock_gettime");
	real(CLOCK_MONOTONIC, &start);
	if (text != NULL)
		sscanf(text, "%lld %lf", &offset_s, &after_s);
}

static double
elapsed_s(void)
{
	struct timespec now;

	real(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start.tv_sec) +
	    (double)(now.tv_nsec - start.tv_nsec) / 1e9;
}

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	if (real == NULL)
		begin();
	if (real(clock, t) < 0)
		return -1;
	if ((clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) &&
	    elapsed_s() >= after_s)
		t->tv_sec += offset_s;
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (out != NULL)
		*out = t.tv_sec;
	return t.tv_sec;
}

int
gettimeofday(struct timeval *out, void *zone)
{
	struct timespec t;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	*out = (struct timeval){ t.tv_sec, t.tv_nsec / 1000 };
	return 0;
}
