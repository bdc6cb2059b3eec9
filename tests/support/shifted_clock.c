/* A wall clock set by a file: preloaded into a process, it adds the file's seconds to the time of day.
 *
 * SHIFTED_CLOCK names the file. It holds one 64-bit number and is mapped, so that all processes see a change at once.
 * Durations (CLOCK_MONOTONIC, sleeping, waiting) are unchanged: time runs at its own speed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t nothing = 0;
static const volatile int64_t *shift;

static int64_t shifted_by(void) {
    if (shift == NULL) {
        const char *path = getenv("SHIFTED_CLOCK");
        int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
        void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, sizeof nothing, PROT_READ, MAP_SHARED, file, 0);
        if (file >= 0) close(file);
        shift = mapped == MAP_FAILED ? &nothing : mapped;
    }
    return *shift;
}

static int is_of_the_wall(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE; }

/* Look up the newest version: an old pthread_cond_timedwait has another layout. */
static void *real(const char *name, const char *version) {
    void *found = dlvsym(RTLD_NEXT, name, version);
    return found != NULL ? found : dlsym(RTLD_NEXT, name);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*ask)(clockid_t, struct timespec *);
    if (ask == NULL) ask = real("clock_gettime", "GLIBC_2.17");
    int failed = ask(clock, now);
    if (!failed && is_of_the_wall(clock)) now->tv_sec += shifted_by();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec precise;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &precise)) return -1;
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *also) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (also != NULL) *also = precise.tv_sec;
    return precise.tv_sec;
}

int timespec_get(struct timespec *now, int base) {
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
}

/* Convert a time of day from the shifted clock to the kernel's. Small numbers are left unchanged: a condition may wait
 * by the monotonic clock instead, whose values are far below those of a time of day. */
static struct timespec until(const struct timespec *moment) {
    struct timespec kernels = *moment;
    if (kernels.tv_sec > 1000000000) kernels.tv_sec -= shifted_by();
    return kernels;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict moment) {
    static int (*wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (wait == NULL) wait = real("pthread_cond_timedwait", "GLIBC_2.3.2");
    struct timespec kernels = until(moment);
    return wait(condition, mutex, &kernels);
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict moment) {
    static int (*wait)(pthread_mutex_t *, const struct timespec *);
    if (wait == NULL) wait = real("pthread_mutex_timedlock", "GLIBC_2.34");
    struct timespec kernels = until(moment);
    return wait(mutex, &kernels);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict moment) {
    static int (*wait)(sem_t *, const struct timespec *);
    if (wait == NULL) wait = real("sem_timedwait", "GLIBC_2.34");
    struct timespec kernels = until(moment);
    return wait(semaphore, &kernels);
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *moment, struct timespec *left) {
    static int (*sleep_so)(clockid_t, int, const struct timespec *, struct timespec *);
    if (sleep_so == NULL) sleep_so = real("clock_nanosleep", "GLIBC_2.17");
    struct timespec kernels = *moment;
    if (is_of_the_wall(clock) && (flags & TIMER_ABSTIME)) kernels = until(moment);
    return sleep_so(clock, flags, &kernels, left);
}
