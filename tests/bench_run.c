/*
 * bench_run - a stopwatch for commands.
 *
 *	bench_run RUNS FILE COMMAND [ARGUMENT]...
 *
 * Runs the command RUNS times, one after the other, with FILE as its
 * standard input, and prints the medians of the wall time, of the CPU time
 * (its own and that of the children it waited for), both in milliseconds, and
 * of the resident memory of the largest of these processes, in KB:
 *
 *	WALL CPU MEMORY
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

/* What a run has taken. */
struct figures {
	double	*wall, *cpu, *memory;
};

static void
run_once(const char *input, char **command, const struct figures *f, size_t i)
{
	posix_spawn_file_actions_t files;
	struct rusage used;
	double began;
	pid_t pid;
	int rc, status;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, input,
	    O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, STDERR_FILENO,
	    STDOUT_FILENO);
	began = now_ms();
	if ((rc = posix_spawnp(&pid, command[0], &files, NULL, command,
	    environ)) != 0)
		die(command[0], rc);
	while (wait4(pid, &status, 0, &used) < 0)
		if (errno != EINTR)
			die("wait4", errno);
	f->wall[i] = now_ms() - began;
	f->cpu[i] = cpu_ms(&used);
	f->memory[i] = (double)used.ru_maxrss;
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

static double *
numbers(size_t n)
{
	double *v = calloc(n, sizeof(*v));

	if (v == NULL)
		die("calloc", errno);
	return v;
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
	struct figures f;

	if (runs == 0) {
		fprintf(stderr, "usage: bench_run RUNS FILE COMMAND "
		    "[ARGUMENT]...\n");
		return 64;
	}
	f = (struct figures){ numbers(runs), numbers(runs), numbers(runs) };
	for (size_t i = 0; i < runs; i++)
		run_once(argv[2], argv + 3, &f, i);
	printf("%.3f %.3f %.0f\n", median(f.wall, runs),
	    median(f.cpu, runs), median(f.memory, runs));
	free(f.wall);
	free(f.cpu);
	free(f.memory);
	return 0;
}
