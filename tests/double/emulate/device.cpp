// Runs a grid on the host. A thread of the device is a fibre, which is left only when it waits at a barrier, so that
// kernels without barriers run as nested loops.
//   RAILGAUGE_DOUBLE_ORDER=forward|reverse|random:SEED   the order in which blocks, and threads between barriers, run
//   RAILGAUGE_DOUBLE_THREADS=N                           blocks in parallel on N threads of the host
// Under ThreadSanitizer each fibre is made known to it (compile with -DEMULATED_TSAN, this file without
// -fsanitize=thread), and only barriers order fibres: a barrier that is missing is reported as a data race.
#include "device.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#ifdef EMULATED_TSAN
extern "C" {
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void __tsan_acquire(void *address);
void __tsan_release(void *address);
}
#define TSAN(call) call
#else
#define TSAN(call) (void)0
#endif

__thread emulated_thread *emulated_self;

namespace
{

constexpr size_t stack_bytes = 64 << 10;

enum class state { fresh, ready, at_barrier, ended };

struct fibre {
    emulated_thread self;
    state now = state::fresh;
    void *stack_pointer = nullptr;
    char *stack = nullptr;
    void *tsan = nullptr;
    const void *site = nullptr; // of the barrier that it waits at
};

// What runs the blocks of one thread of the host.
struct worker {
    void (*thread)(void *) = nullptr;
    void *arguments = nullptr;
    std::vector<fibre> fibres;
    std::vector<int> order;
    fibre *current = nullptr;
    void *stack_pointer = nullptr; // of the loop that switches
    void *tsan = nullptr;
    char started = 0, met = 0, ended = 0; // what TSan is told of barriers by
};

__thread worker *self;

// Saves what a call must preserve, and goes on where another stack left off.
extern "C" void emulated_switch(void **save, void *to);
asm(".text\n.globl emulated_switch\n.hidden emulated_switch\n.type emulated_switch,@function\nemulated_switch:\n"
    "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
    "mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
    "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n.size emulated_switch,.-emulated_switch\n");

void to_fibre(fibre &next)
{
    self->current = &next;
    emulated_self = &next.self;
    TSAN(__tsan_switch_to_fiber(next.tsan, 1));
    emulated_switch(&self->stack_pointer, next.stack_pointer);
}

void to_worker()
{
    fibre *from = self->current;
    TSAN(__tsan_switch_to_fiber(self->tsan, 1));
    emulated_switch(&from->stack_pointer, self->stack_pointer);
}

// A fibre begins here, and never returns.
void fibre_main()
{
    for (;;) {
        TSAN(__tsan_acquire(&self->started));
        self->thread(self->arguments);
        TSAN(__tsan_release(&self->ended));
        self->current->now = state::ended;
        to_worker();
    }
}

// A stack as emulated_switch leaves one: six registers, and the address to return to.
void give_stack(fibre &of)
{
    if (of.stack == nullptr)
        of.stack = static_cast<char *>(aligned_alloc(64, stack_bytes));
    void **top = reinterpret_cast<void **>(of.stack + stack_bytes);
    *--top = nullptr;
    *--top = reinterpret_cast<void *>(fibre_main);
    for (int i = 0; i < 6; i++)
        *--top = nullptr;
    of.stack_pointer = top;
}

std::vector<int> in_order(size_t count)
{
    std::vector<int> order(count);
    std::iota(order.begin(), order.end(), 0);
    const char *wanted = getenv("RAILGAUGE_DOUBLE_ORDER");
    if (wanted != nullptr && strcmp(wanted, "reverse") == 0)
        std::reverse(order.begin(), order.end());
    if (wanted != nullptr && strncmp(wanted, "random:", 7) == 0)
        std::shuffle(order.begin(), order.end(), std::mt19937(static_cast<unsigned>(atoi(wanted + 7))));
    return order;
}

void start_block(uint3 block, dim3 block_size, dim3 grid_size)
{
    for (unsigned i = 0; i < self->fibres.size(); i++) {
        fibre &one = self->fibres[i];
        uint3 index = {i % block_size.x, i / block_size.x % block_size.y, i / block_size.x / block_size.y};
        one.self = {index, block, block_size, grid_size};
        one.now = state::ready;
        give_stack(one);
    }
}

bool all_ended()
{
    return std::all_of(
        self->fibres.begin(), self->fibres.end(), [](const fibre &one) { return one.now == state::ended; });
}

// Whether all that wait, wait at one barrier: on a GPU threads that part there may hang, or worse.
bool wait_together()
{
    const void *site = nullptr;
    for (const fibre &one : self->fibres) {
        if (one.now != state::at_barrier)
            continue;
        if (site != nullptr && one.site != site)
            return false;
        site = one.site;
    }
    return true;
}

// Each fibre runs to its next barrier, or to its end.
bool run_block(uint3 block, dim3 block_size, dim3 grid_size)
{
    start_block(block, block_size, grid_size);
    TSAN(__tsan_acquire(&self->ended));
    TSAN(__tsan_release(&self->started));
    while (!all_ended()) {
        for (int i : self->order)
            if (self->fibres[static_cast<size_t>(i)].now == state::ready)
                to_fibre(self->fibres[static_cast<size_t>(i)]);
        if (!wait_together())
            return false;
        for (fibre &one : self->fibres)
            if (one.now == state::at_barrier)
                one.now = state::ready;
    }
    TSAN(__tsan_acquire(&self->ended));
    return true;
}

struct grid {
    dim3 size, block_size;
    void (*thread)(void *);
    void *arguments;
    std::vector<int> order;
    std::atomic<size_t> next{0};
    std::atomic<bool> failed{false};
};

void run_blocks(grid &of)
{
    worker one;
    self = &one;
    one.thread = of.thread;
    one.arguments = of.arguments;
    TSAN(one.tsan = __tsan_get_current_fiber());
    one.fibres.resize(static_cast<size_t>(of.block_size.x) * of.block_size.y * of.block_size.z);
    one.order = in_order(one.fibres.size());
    for ([[maybe_unused]] fibre &each : one.fibres)
        TSAN(each.tsan = __tsan_create_fiber(0));
    for (size_t i; !of.failed && (i = of.next++) < of.order.size();) {
        unsigned block = static_cast<unsigned>(of.order[i]);
        uint3 at = {block % of.size.x, block / of.size.x % of.size.y, block / of.size.x / of.size.y};
        if (!run_block(at, of.block_size, of.size))
            of.failed = true;
    }
    for (fibre &each : one.fibres) {
        TSAN(__tsan_destroy_fiber(each.tsan));
        free(each.stack);
    }
    self = nullptr;
    emulated_self = nullptr;
}

} // namespace

void emulated_barrier()
{
    worker *here = self;
    TSAN(__tsan_release(&here->met));
    here->current->now = state::at_barrier;
    here->current->site = __builtin_return_address(0);
    emulated_thread *me = emulated_self;
    to_worker();
    emulated_self = me;
    TSAN(__tsan_acquire(&here->met));
}

bool emulated_grid(dim3 size, dim3 block_size, void (*thread)(void *), void *arguments)
{
    const char *wanted = getenv("RAILGAUGE_DOUBLE_THREADS");
    int threads = wanted ? atoi(wanted) : 1;
    grid all = {.size = size, .block_size = block_size, .thread = thread, .arguments = arguments, .order = {}};
    all.order = in_order(static_cast<size_t>(size.x) * size.y * size.z);
    std::vector<std::thread> others;
    for (int i = 1; i < threads; i++)
        others.emplace_back([&all] { run_blocks(all); });
    run_blocks(all);
    for (std::thread &other : others)
        other.join();
    if (all.failed)
        fprintf(stderr, "device double: threads of a block wait at different barriers\n");
    return !all.failed;
}
