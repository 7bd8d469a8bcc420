/*
 * Preloaded into the tests' pcscd: what it sees of the world outside.
 *
 * - vpcd listens on every address; here it gets loopback only.
 * - The USB bus that libudev shows is the folder TAGSMITH_TEST_USB: one file per device plugged in, named by its
 *   sysname, holding "VENDOR PRODUCT DEVNODE"; in ../events (a FIFO) lines "add SYSNAME" and "remove SYSNAME". So
 *   readers come and go as they do in the field, and no real reader of this machine is touched.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int bind(int socket, const struct sockaddr *address, socklen_t size)
{
    int (*next)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
    struct sockaddr_in loopback;
    if (address->sa_family == AF_INET && size >= sizeof loopback) {
        memcpy(&loopback, address, sizeof loopback);
        loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return next(socket, (const struct sockaddr *) &loopback, sizeof loopback);
    }
    return next(socket, address, size);
}

/* --- libudev, as far as pcscd uses it ------------------------------------------------------------------------ */

struct entry {
    char name[64];
    struct entry *next;
};

struct device {
    char action[16], sysname[64], vendor[8], product[8], node[64];
};

struct enumeration {
    struct entry *first;
};

static int bus_is_open;
static int events = -1;

static void path_of(char *path, size_t size, const char *name)
{
    const char *bus = getenv("TAGSMITH_TEST_USB");
    snprintf(path, size, "%s/%s", bus ? bus : "/nowhere", name);
}

static struct device *device_of(const char *action, const char *sysname)
{
    char path[600];
    struct device *device = calloc(1, sizeof *device);
    snprintf(device->action, sizeof device->action, "%s", action);
    snprintf(device->sysname, sizeof device->sysname, "%s", sysname);
    path_of(path, sizeof path, sysname);
    FILE *file = fopen(path, "re");
    if (file) {
        if (fscanf(file, "%7s %7s %63s", device->vendor, device->product, device->node) != 3)
            device->node[0] = 0;
        fclose(file);
    }
    return device;
}

void *udev_new(void)
{
    return &bus_is_open;
}

void *udev_unref(void *udev)
{
    return udev;
}

void *udev_enumerate_new(void *udev)
{
    return calloc(1, sizeof(struct enumeration));
}

int udev_enumerate_add_match_subsystem(void *enumeration, const char *subsystem)
{
    return 0;
}

int udev_enumerate_scan_devices(struct enumeration *enumeration)
{
    char path[600];
    struct dirent *found;
    path_of(path, sizeof path, "");
    DIR *folder = opendir(path);
    while (folder && (found = readdir(folder))) {
        if (found->d_name[0] == '.')
            continue;
        struct entry *entry = calloc(1, sizeof *entry);
        snprintf(entry->name, sizeof entry->name, "%.63s", found->d_name);
        entry->next = enumeration->first;
        enumeration->first = entry;
    }
    if (folder)
        closedir(folder);
    return 0;
}

struct entry *udev_enumerate_get_list_entry(struct enumeration *enumeration)
{
    return enumeration->first;
}

struct entry *udev_list_entry_get_next(struct entry *entry)
{
    return entry->next;
}

const char *udev_list_entry_get_name(struct entry *entry)
{
    return entry->name;
}

void *udev_enumerate_unref(struct enumeration *enumeration)
{
    while (enumeration->first) {
        struct entry *entry = enumeration->first;
        enumeration->first = entry->next;
        free(entry);
    }
    free(enumeration);
    return NULL;
}

void *udev_device_new_from_syspath(void *udev, const char *path)
{
    return device_of("", path);
}

void *udev_device_unref(struct device *device)
{
    free(device);
    return NULL;
}

void *udev_device_get_parent_with_subsystem_devtype(struct device *device, const char *subsystem, const char *type)
{
    return device;
}

const char *udev_device_get_action(struct device *device)
{
    return device->action;
}

const char *udev_device_get_sysname(struct device *device)
{
    return device->sysname;
}

const char *udev_device_get_devnode(struct device *device)
{
    return device->node[0] ? device->node : NULL;
}

const char *udev_device_get_sysattr_value(struct device *device, const char *name)
{
    if (!strcmp(name, "idVendor"))
        return device->vendor;
    if (!strcmp(name, "idProduct"))
        return device->product;
    return NULL;
}

const char *udev_device_get_property_value(struct device *device, const char *name)
{
    return NULL;
}

void *udev_monitor_new_from_netlink(void *udev, const char *name)
{
    char path[600];
    path_of(path, sizeof path, "../events");
    events = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return &events;
}

int udev_monitor_filter_add_match_subsystem_devtype(void *monitor, const char *subsystem, const char *type)
{
    return 0;
}

int udev_monitor_enable_receiving(void *monitor)
{
    return 0;
}

int udev_monitor_get_fd(void *monitor)
{
    return events;
}

void *udev_monitor_unref(void *monitor)
{
    return NULL;
}

void *udev_monitor_receive_device(void *monitor)
{
    char line[128], action[16], sysname[64];
    size_t length = 0;
    while (length < sizeof line - 1 && read(events, line + length, 1) == 1 && line[length] != '\n')
        length++;
    line[length] = 0;
    return sscanf(line, "%15s %63s", action, sysname) == 2 ? device_of(action, sysname) : NULL;
}
