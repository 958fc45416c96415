/*
 * bench_run - a stopwatch for commands.
 *
 *	bench_run RUNS FILE COMMAND [ARGUMENT]...
 *
 * Runs the command RUNS times, one after the other, with FILE as its
 * standard input, and prints the median of the wall time and of the CPU time
 * (its own and that of the children it waited for), in milliseconds:
 *
 *	WALL CPU
 *
 * A run that fails ends the measurement, with 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void
die(const char *what, int error)
{
	fprintf(stderr, "bench_run: %s: %s\n", what, strerror(error));
	exit(1);
}

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double
cpu_ms(const struct rusage *r)
{
	return (double)(r->ru_utime.tv_sec + r->ru_stime.tv_sec) * 1e3 +
	    (double)(r->ru_utime.tv_usec + r->ru_stime.tv_usec) / 1e3;
}

static void
run_once(const char *input, char **command, double *wall, double *cpu)
{
	posix_spawn_file_actions_t files;
	struct rusage used;
	pid_t pid;
	int rc, status;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, input,
	    O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, STDERR_FILENO,
	    STDOUT_FILENO);
	*wall = now_ms();
	if ((rc = posix_spawnp(&pid, command[0], &files, NULL, command,
	    environ)) != 0)
		die(command[0], rc);
	while (wait4(pid, &status, 0, &used) < 0)
		if (errno != EINTR)
			die("wait4", errno);
	*wall = now_ms() - *wall;
	*cpu = cpu_ms(&used);
	posix_spawn_file_actions_destroy(&files);
	if (status != 0) {
		fprintf(stderr, "bench_run: %s ended with status %d\n",
		    command[0], WIFEXITED(status) ? WEXITSTATUS(status) :
		    128 + WTERMSIG(status));
		exit(1);
	}
}

static int
by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_size);
	return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

int
main(int argc, char **argv)
{
	size_t runs = argc > 3 ? (size_t)atoi(argv[1]) : 0;
	double *wall, *cpu;

	if (runs == 0) {
		fprintf(stderr, "usage: bench_run RUNS FILE COMMAND "
		    "[ARGUMENT]...\n");
		return 64;
	}
	wall = calloc(runs, sizeof(*wall));
	cpu = calloc(runs, sizeof(*cpu));
	if (wall == NULL || cpu == NULL)
		die("calloc", errno);
	for (size_t i = 0; i < runs; i++)
		run_once(argv[2], argv + 3, &wall[i], &cpu[i]);
	printf("%.3f %.3f\n", median(wall, runs), median(cpu, runs));
	free(wall);
	free(cpu);
	return 0;
}
