/*
 * Input devices for the tests, preloaded into a process: what the kernel's evdev does, for a folder of sockets.
 *
 * In the folder that INPUT_SHIM names, a device is a socket `eventN` on which a test serves events, and a file
 * `eventN.device` of six lines: vendor and product in hex, name, phys, uniq, and the keys it has, as numbers.
 * Opening the socket (or a link to it) connects to it. Events come with monotonic times; they are read with the time
 * of day, as evdev gives it, unless another clock was chosen. A grab is a lock on `eventN.device`, so that it ends with
 * its process. When the test hangs up, the device is gone: ENODEV.
 *
 * Faults to order, by a file beside the socket: `eventN.forbidden` (EACCES), `eventN.no-clock` (EVIOCSCLOCKID fails).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/input.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define FDS 1024
#define TEXT 256

static struct device {
    char path[TEXT];
    int grab;
    int clock;
} *devices[FDS];

#define NEXT(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

static struct device *of(int fd)
{
    return fd >= 0 && fd < FDS ? devices[fd] : NULL;
}

static int fail(int code)
{
    errno = code;
    return -1;
}

static int there(const char *path, const char *suffix)
{
    char beside[TEXT + 16];
    snprintf(beside, sizeof beside, "%s%s", path, suffix);
    return access(beside, F_OK) == 0;
}

/* The real path of a device of ours, or nothing. */
static int ours(const char *path, char *real)
{
    char resolved[PATH_MAX];
    const char *folder = getenv("INPUT_SHIM");
    struct stat status;
    if (!folder || !path || !realpath(path, resolved) || strncmp(resolved, folder, strlen(folder)))
        return 0;
    if (stat(resolved, &status) || !S_ISSOCK(status.st_mode) || strlen(resolved) >= TEXT)
        return 0;
    strcpy(real, resolved);
    return 1;
}

static int connected(const char *path, int flags)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;
    if (there(path, ".forbidden"))
        return fail(EACCES);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    if (fd < 0 || fd >= FDS || connect(fd, (struct sockaddr *) &address, sizeof address)) {
        if (fd >= 0)
            NEXT(close)(fd);
        return fail(ENODEV);
    }
    if (flags & O_NONBLOCK)
        fcntl(fd, F_SETFL, O_NONBLOCK);
    devices[fd] = calloc(1, sizeof **devices);
    strcpy(devices[fd]->path, path);
    devices[fd]->grab = -1;
    devices[fd]->clock = CLOCK_REALTIME;
    return fd;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) \
    { \
        char real[TEXT]; \
        va_list rest; \
        mode_t mode; \
        va_start(rest, flags); \
        mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        return ours(path, real) ? connected(real, flags) : NEXT(name)(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

int close(int fd)
{
    struct device *device = of(fd);
    if (device) {
        devices[fd] = NULL;
        if (device->grab >= 0)
            NEXT(close)(device->grab);
        free(device);
    }
    return NEXT(close)(fd);
}

ssize_t read(int fd, void *buffer, size_t size)
{
    struct device *device = of(fd);
    struct input_event *event = buffer;
    struct timespec day, up;
    long long shift;
    ssize_t got = NEXT(read)(fd, buffer, size);
    if (!device)
        return got;
    if (!got || (got < 0 && errno == ECONNRESET))
        return fail(ENODEV);
    clock_gettime(device->clock, &day);
    clock_gettime(CLOCK_MONOTONIC, &up);
    shift = (day.tv_sec - up.tv_sec) * 1000000LL + (day.tv_nsec - up.tv_nsec) / 1000;
    for (; (char *) (event + 1) <= (char *) buffer + got; event++) {
        long long time = event->time.tv_sec * 1000000LL + event->time.tv_usec + shift;
        event->time.tv_sec = time / 1000000;
        event->time.tv_usec = time % 1000000;
    }
    return got;
}

/* Line `wanted` of the description. */
static void describe(const struct device *device, int wanted, char *text, size_t size)
{
    char path[TEXT + 16];
    FILE *file;
    snprintf(path, sizeof path, "%s.device", device->path);
    file = fopen(path, "re");
    text[0] = 0;
    for (int line = 0; file && line <= wanted && fgets(text, size, file); line++)
        ;
    text[strcspn(text, "\n")] = 0;
    if (file)
        fclose(file);
}

static int grab(struct device *device, int on)
{
    char path[TEXT + 16];
    int fd;
    if (!on) {
        if (device->grab < 0)
            return fail(EINVAL);
        NEXT(close)(device->grab);
        device->grab = -1;
        return 0;
    }
    snprintf(path, sizeof path, "%s.device", device->path);
    fd = NEXT(open)(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB)) {
        if (fd >= 0)
            NEXT(close)(fd);
        return fail(fd < 0 ? ENODEV : EBUSY);
    }
    device->grab = fd;
    return 0;
}

static int bits(const struct device *device, int type, unsigned char *map, size_t size)
{
    char text[4096], *at = text, *next;
    memset(map, 0, size);
    if (type == 0)
        map[0] = 1 << EV_SYN | 1 << EV_KEY;
    if (type != EV_KEY)
        return size;
    describe(device, 5, text, sizeof text);
    for (long key; (key = strtol(at, &next, 10), next != at); at = next)
        if (key >= 0 && (size_t) key / 8 < size)
            map[key / 8] |= 1 << key % 8;
    return size;
}

static int answer(struct device *device, unsigned long request, void *argument)
{
    char text[TEXT];
    size_t size = _IOC_SIZE(request);
    unsigned number = _IOC_NR(request);
    if (_IOC_TYPE(request) != 'E')
        return fail(ENOTTY);
    switch (request) {
    case EVIOCGVERSION:
        *(int *) argument = EV_VERSION;
        return 0;
    case EVIOCGID:
        *(struct input_id *) argument = (struct input_id) {.bustype = BUS_USB, .version = 0x111};
        describe(device, 0, text, sizeof text);
        ((struct input_id *) argument)->vendor = strtoul(text, NULL, 16);
        describe(device, 1, text, sizeof text);
        ((struct input_id *) argument)->product = strtoul(text, NULL, 16);
        return 0;
    case EVIOCGRAB:
        return grab(device, argument != NULL);
    case EVIOCGEFFECTS:
        *(int *) argument = 0;
        return 0;
    case EVIOCSCLOCKID:
        if (there(device->path, ".no-clock"))
            return fail(EINVAL);
        device->clock = *(int *) argument;
        return 0;
    }
    if (number >= _IOC_NR(EVIOCGNAME(0)) && number <= _IOC_NR(EVIOCGUNIQ(0))) {
        describe(device, 2 + number - _IOC_NR(EVIOCGNAME(0)), text, sizeof text);
        snprintf(argument, size, "%s", text);
        return strlen(text);
    }
    if (number >= _IOC_NR(EVIOCGBIT(0, 0)) && number < _IOC_NR(EVIOCGABS(0)))
        return bits(device, number - _IOC_NR(EVIOCGBIT(0, 0)), argument, size);
    return fail(EINVAL);
}

int ioctl(int fd, unsigned long request, ...)
{
    struct device *device = of(fd);
    va_list rest;
    void *argument;
    va_start(rest, request);
    argument = va_arg(rest, void *);
    va_end(rest);
    return device ? answer(device, request, argument) : NEXT(ioctl)(fd, request, argument);
}
