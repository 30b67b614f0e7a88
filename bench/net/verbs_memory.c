/* How the device is made to know memory: a GPU's by dma-buf, where driver and kernel have it, else by its address,
 * which takes the module nvidia-peermem. */
#include "net/verbs.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* rdma-core 54 and later; looked up, since older ones have it not. */
typedef struct ibv_mr *(*data_direct_call)(
    struct ibv_pd *pd, uint64_t offset, size_t length, uint64_t iova, int fd, int access, int mlx5_access);
#define MLX5_ACCESS_DATA_DIRECT 1

static struct ibv_mr *failed(int error, char *status, size_t room, const char *words)
{
    if (status != words)
        snprintf(status, room, "%s", words);
    errno = error;
    return NULL;
}

static struct ibv_mr *register_address(
    struct rg_verbs *ep, struct rg_memory *memory, unsigned access, char *status, size_t room)
{
    struct ibv_mr *region = ibv_reg_mr(ep->pd, rg_memory_address(memory), rg_memory_bytes(memory), access);
    if (region != NULL)
        return region;
    int error = errno;
    snprintf(status, room, "%s%s", strerror(error),
        !rg_memory_on_host(memory) ? "; the module nvidia-peermem is needed to register GPU memory by its address"
        : error == ENOMEM          ? "; raise the limit of locked memory (ulimit -l unlimited)"
                                   : "");
    return failed(error, status, room, status);
}

static struct ibv_mr *register_data_direct(
    struct rg_verbs *ep, const struct rg_memory *memory, uint64_t offset, int fd, unsigned access)
{
    void *library = dlopen("libmlx5.so.1", RTLD_NOW);
    data_direct_call call = NULL;
    if (library != NULL)
        *(void **)&call = dlsym(library, "mlx5dv_reg_dmabuf_mr");
    if (call == NULL) {
        errno = EOPNOTSUPP;
        return NULL;
    }
    return call(ep->pd, offset, rg_memory_bytes(memory), (uintptr_t)rg_memory_address(memory), fd, (int)access,
        MLX5_ACCESS_DATA_DIRECT);
}

static struct ibv_mr *register_dmabuf(
    struct rg_verbs *ep, struct rg_memory *memory, bool data_direct, unsigned access, char *status, size_t room)
{
    struct rg_error why = {{0}};
    uint64_t offset;
    int fd;
    int code = rg_memory_dmabuf(memory, data_direct, &fd, &offset, &why);
    if (code != 0)
        return failed(-code, status, room, why.text);
    struct ibv_mr *region = data_direct ? register_data_direct(ep, memory, offset, fd, access)
                                        : ibv_reg_dmabuf_mr(ep->pd, offset, rg_memory_bytes(memory),
                                              (uintptr_t)rg_memory_address(memory), fd, (int)access);
    int error = errno;
    close(fd); /* the region keeps what it needs of it */
    if (region != NULL)
        return region;
    snprintf(
        status, room, "the RDMA device took no dma-buf%s: %s", data_direct ? " with data-direct" : "", strerror(error));
    return failed(error, status, room, status);
}

struct ibv_mr *rg_verbs_register(
    struct rg_verbs *ep, struct rg_memory *memory, struct rg_registration *out, char *status, size_t room)
{
    enum rg_registration_way way = rg_memory_on_host(memory) ? RG_REGISTER_PEERMEM : ep->config.registration;
    unsigned access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;
    if (ep->config.relaxed_ordering)
        access |= (unsigned)IBV_ACCESS_RELAXED_ORDERING;
    *out = (struct rg_registration){{0}, {0}};
    if (way != RG_REGISTER_PEERMEM) {
        bool data_direct = way == RG_REGISTER_DATA_DIRECT;
        struct ibv_mr *region = register_dmabuf(ep, memory, data_direct, access, out->note, sizeof out->note);
        snprintf(out->how, sizeof out->how, "%s", data_direct ? "data_direct" : "dmabuf");
        if (region != NULL)
            return region;
        if (way != RG_REGISTER_AUTO) /* asked for, and nothing else */
            return failed(EOPNOTSUPP, status, room, out->note);
    }
    snprintf(out->how, sizeof out->how, "%s", rg_memory_on_host(memory) ? "host" : "peermem");
    struct ibv_mr *region = register_address(ep, memory, access, status, room);
    size_t used = strlen(status);
    if (region == NULL && out->note[0] != '\0')
        snprintf(status + used, room - used, "; before: %s", out->note);
    return region;
}
