/* Fails the k-th call on files below one folder: loaded with LD_PRELOAD, armed by benchmarks/faults/layers.py. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 65536

static char root[4096];
static long count, failing;
static int armed, error_number, lasting, killing;
static unsigned char watched[FDS];
static char failed[64];

void faults_arm(const char *folder, long k, int number, int last, int kill_instead)
{
    strncpy(root, folder, sizeof root - 1);
    count = 0;
    failing = k;
    error_number = number;
    lasting = last;
    killing = kill_instead;
    failed[0] = 0;
    memset(watched, 0, sizeof watched);
    armed = 1;
}

long faults_disarm(void)
{
    armed = 0;
    return count;
}

const char *faults_failed(void) { return failed; }

static int below(int dir, const char *path)
{
    if (!armed || path == NULL)
        return 0;
    if (path[0] == '/' || dir == AT_FDCWD)
        return strncmp(path, root, strlen(root)) == 0;
    return dir >= 0 && dir < FDS && watched[dir];
}

static int of(int fd) { return armed && fd >= 0 && fd < FDS && watched[fd]; }

/* A disk that is full from the k-th call on refuses what needs room, and nothing else. */
static int needs_room(const char *name, int flags)
{
    static const char *names[] = {"mkdir", "mkdirat", "link", "linkat", "symlink", "rename", "renameat", "renameat2",
                                  "write", "pwrite", "pwrite64", "writev", "copy_file_range", "sendfile", "sendfile64",
                                  "fsync", "fdatasync"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return 1;
    return flags & O_CREAT || strncmp(name, "fopen", 5) == 0;
}

static int fails_with(const char *name, int flags)
{
    count++;
    if (failing <= 0 || (lasting ? count < failing || !needs_room(name, flags) : count != failing))
        return 0;
    if (!failed[0])
        strncpy(failed, name, sizeof failed - 1);
    if (killing)
        kill(getpid(), SIGKILL);
    errno = error_number;
    return 1;
}

static int fails(const char *name) { return fails_with(name, 0); }

static int note(int fd, int is_below)
{
    if (armed && fd >= 0 && fd < FDS)
        watched[fd] = is_below != 0;
    return fd;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define ONE_PATH(result, name, parameters, path, arguments, bad)                                                       \
    result name parameters                                                                                             \
    {                                                                                                                  \
        if (below(AT_FDCWD, path) && fails(#name))                                                                     \
            return bad;                                                                                                \
        return REAL(name) arguments;                                                                                   \
    }
#define AT_PATH(result, name, parameters, dir, path, arguments)                                                        \
    result name parameters                                                                                             \
    {                                                                                                                  \
        if (below(dir, path) && fails(#name))                                                                          \
            return -1;                                                                                                 \
        return REAL(name) arguments;                                                                                   \
    }
#define ON_FD(result, name, parameters, fd, arguments)                                                                 \
    result name parameters                                                                                             \
    {                                                                                                                  \
        if (of(fd) && fails(#name))                                                                                    \
            return -1;                                                                                                 \
        return REAL(name) arguments;                                                                                   \
    }
#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...)                                                                         \
    {                                                                                                                  \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                        \
        va_end(rest);                                                                                                  \
        int is_below = below(AT_FDCWD, path);                                                                          \
        if (is_below && fails_with(#name, flags))                                                                      \
            return -1;                                                                                                 \
        return note(REAL(name)(path, flags, mode), is_below);                                                          \
    }
#define OPENAT(name)                                                                                                   \
    int name(int dir, const char *path, int flags, ...)                                                                \
    {                                                                                                                  \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                        \
        va_end(rest);                                                                                                  \
        int is_below = below(dir, path);                                                                               \
        if (is_below && fails_with(#name, flags))                                                                      \
            return -1;                                                                                                 \
        return note(REAL(name)(dir, path, flags, mode), is_below);                                                     \
    }
#define FOPEN(name)                                                                                                    \
    FILE *name(const char *path, const char *mode)                                                                     \
    {                                                                                                                  \
        int is_below = below(AT_FDCWD, path);                                                                          \
        if (is_below && fails(#name))                                                                                  \
            return NULL;                                                                                               \
        FILE *file = REAL(name)(path, mode);                                                                           \
        if (file != NULL)                                                                                              \
            note(fileno(file), is_below);                                                                              \
        return file;                                                                                                   \
    }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
FOPEN(fopen)
FOPEN(fopen64)
ONE_PATH(int, mkdir, (const char *path, mode_t mode), path, (path, mode), -1)
ONE_PATH(int, rmdir, (const char *path), path, (path), -1)
ONE_PATH(int, unlink, (const char *path), path, (path), -1)
ONE_PATH(int, rename, (const char *path, const char *other), path, (path, other), -1)
ONE_PATH(int, link, (const char *path, const char *other), other, (path, other), -1)
ONE_PATH(int, symlink, (const char *path, const char *other), other, (path, other), -1)
ONE_PATH(int, chmod, (const char *path, mode_t mode), path, (path, mode), -1)
ONE_PATH(int, truncate, (const char *path, off_t size), path, (path, size), -1)
ONE_PATH(int, truncate64, (const char *path, off64_t size), path, (path, size), -1)
AT_PATH(int, mkdirat, (int dir, const char *path, mode_t mode), dir, path, (dir, path, mode))
AT_PATH(int, unlinkat, (int dir, const char *path, int flags), dir, path, (dir, path, flags))
AT_PATH(int, fchmodat, (int dir, const char *path, mode_t mode, int flags), dir, path, (dir, path, mode, flags))
AT_PATH(int, utimensat, (int dir, const char *path, const struct timespec times[2], int flags), dir, path,
        (dir, path, times, flags))
AT_PATH(int, renameat, (int dir, const char *path, int to, const char *other), dir, path, (dir, path, to, other))
AT_PATH(int, renameat2, (int dir, const char *path, int to, const char *other, unsigned int flags), dir, path,
        (dir, path, to, other, flags))
AT_PATH(int, linkat, (int dir, const char *path, int to, const char *other, int flags), to, other,
        (dir, path, to, other, flags))
ON_FD(ssize_t, read, (int fd, void *bytes, size_t size), fd, (fd, bytes, size))
ON_FD(ssize_t, pread, (int fd, void *bytes, size_t size, off_t at), fd, (fd, bytes, size, at))
ON_FD(ssize_t, pread64, (int fd, void *bytes, size_t size, off64_t at), fd, (fd, bytes, size, at))
ON_FD(ssize_t, preadv, (int fd, const struct iovec *parts, int n, off_t at), fd, (fd, parts, n, at))
ON_FD(ssize_t, preadv64, (int fd, const struct iovec *parts, int n, off64_t at), fd, (fd, parts, n, at))
ON_FD(ssize_t, write, (int fd, const void *bytes, size_t size), fd, (fd, bytes, size))
ON_FD(ssize_t, pwrite, (int fd, const void *bytes, size_t size, off_t at), fd, (fd, bytes, size, at))
ON_FD(ssize_t, pwrite64, (int fd, const void *bytes, size_t size, off64_t at), fd, (fd, bytes, size, at))
ON_FD(ssize_t, writev, (int fd, const struct iovec *parts, int n), fd, (fd, parts, n))
ON_FD(int, fsync, (int fd), fd, (fd))
ON_FD(int, fdatasync, (int fd), fd, (fd))
ON_FD(int, fchmod, (int fd, mode_t mode), fd, (fd, mode))
ON_FD(int, ftruncate, (int fd, off_t size), fd, (fd, size))
ON_FD(int, ftruncate64, (int fd, off64_t size), fd, (fd, size))
ON_FD(int, futimens, (int fd, const struct timespec times[2]), fd, (fd, times))
ON_FD(ssize_t, copy_file_range, (int from, off64_t *at, int to, off64_t *there, size_t size, unsigned int flags), to,
      (from, at, to, there, size, flags))
ON_FD(ssize_t, sendfile, (int to, int from, off_t *at, size_t size), to, (to, from, at, size))
ON_FD(ssize_t, sendfile64, (int to, int from, off64_t *at, size_t size), to, (to, from, at, size))

DIR *opendir(const char *path)
{
    int is_below = below(AT_FDCWD, path);
    if (is_below && fails("opendir"))
        return NULL;
    DIR *stream = REAL(opendir)(path);
    if (stream != NULL)
        note(dirfd(stream), is_below);
    return stream;
}

DIR *fdopendir(int fd)
{
    if (of(fd) && fails("fdopendir"))
        return NULL;
    return REAL(fdopendir)(fd);
}

struct dirent64 *readdir64(DIR *stream)
{
    if (of(dirfd(stream)) && fails("readdir"))
        return NULL;
    return REAL(readdir64)(stream);
}

struct dirent *readdir(DIR *stream)
{
    if (of(dirfd(stream)) && fails("readdir"))
        return NULL;
    return REAL(readdir)(stream);
}

int close(int fd)
{
    int was = of(fd), bad = was && fails("close");
    note(fd, 0);
    int code = REAL(close)(fd);
    if (bad)
        errno = error_number;
    return bad ? -1 : code;
}
