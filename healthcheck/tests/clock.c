/* A clock that can be set, for every process that is started with this library in LD_PRELOAD.
 *
 * CLOCK_FILE names a file of eight bytes: by how many nanoseconds the wall clock of all of them is ahead. It is mapped
 * into memory, so that a change counts at once and reading it costs nothing. CLOCK_SKEW is a number of seconds that is
 * added in this process alone. The monotonic clocks are left as they are, as a step of the clock leaves them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
/* No monotonic clock has come so far, and every wall clock has: deadlines do not say by which clock they are meant. */
#define WALL_CLOCK 1000000000LL

static const volatile int64_t none = 0;
static const volatile int64_t *ahead = &none;
static int64_t skew;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CLOCK_FILE"), *own = getenv("CLOCK_SKEW");
    skew = own ? (int64_t)(atof(own) * SECOND) : 0;
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *map = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (map != MAP_FAILED)
        ahead = map;
}

static void move(struct timespec *at, int64_t by) {
    int64_t all = at->tv_sec * SECOND + at->tv_nsec + by;
    at->tv_sec = all / SECOND;
    at->tv_nsec = all % SECOND;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int result = syscall(SYS_clock_gettime, clock, at);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI))
        move(at, *ahead + skew);
    return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

int timespec_get(struct timespec *at, int base) {
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, at) == 0 ? base : 0;
}

/* The kernel waits by the clock that nobody moved. */
int pthread_cond_timedwait(pthread_cond_t *restrict waiting, pthread_mutex_t *restrict lock,
                           const struct timespec *restrict until) {
    struct timespec moved = *until;
    if (until->tv_sec < WALL_CLOCK)
        return pthread_cond_clockwait(waiting, lock, CLOCK_MONOTONIC, until);
    move(&moved, -(*ahead + skew));
    return pthread_cond_clockwait(waiting, lock, CLOCK_REALTIME, &moved);
}
