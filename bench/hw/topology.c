/* The tree as hwloc tells it. */
#include "hw/topology.h"

#include <errno.h>
#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NVIDIA 0x10de
#define CLASS_DISPLAY 0x03 /* VGA and 3D controllers; NVSwitches are bridges */
#define PLACES_MOST 4096

static void address_of(const struct hwloc_pcidev_attr_s *pci, char out[16])
{
    snprintf(out, 16, "%04x:%02x:%02x.%01x", pci->domain, pci->bus, pci->dev, pci->func);
}

static hwloc_obj_t io_child(hwloc_obj_t of, hwloc_obj_osdev_type_t type)
{
    for (hwloc_obj_t child = of->io_first_child; child != NULL; child = child->next_sibling)
        if (child->type == HWLOC_OBJ_OS_DEVICE && child->attr->osdev.type == type)
            return child;
    return NULL;
}

static int numa_of(hwloc_topology_t topology, hwloc_obj_t device)
{
    hwloc_obj_t holder = hwloc_get_non_io_ancestor_obj(topology, device);
    bool one = holder != NULL && holder->nodeset != NULL && hwloc_bitmap_weight(holder->nodeset) == 1;
    return one ? hwloc_bitmap_first(holder->nodeset) : -1;
}

/* What kind of place an object is; false: none that matters. */
static bool place_of(hwloc_topology_t topology, hwloc_obj_t object, struct rg_topology_place *out)
{
    *out = (struct rg_topology_place){.numa_node = -1};
    if (object->type == HWLOC_OBJ_PACKAGE) {
        out->kind = RG_PLACE_PACKAGE;
        snprintf(out->name, sizeof out->name, "package %u", object->os_index);
        return true;
    }
    if (object->type == HWLOC_OBJ_BRIDGE) {
        bool host = object->attr->bridge.upstream_type == HWLOC_OBJ_BRIDGE_HOST;
        out->kind = host ? RG_PLACE_HOST_BRIDGE : RG_PLACE_BRIDGE;
        if (!host)
            address_of(&object->attr->bridge.upstream.pci, out->pci_address);
        return true;
    }
    if (object->type != HWLOC_OBJ_PCI_DEVICE)
        return false;
    hwloc_obj_t nic = io_child(object, HWLOC_OBJ_OSDEV_OPENFABRICS);
    bool gpu = object->attr->pcidev.vendor_id == NVIDIA && object->attr->pcidev.class_id >> 8 == CLASS_DISPLAY;
    if (nic == NULL && !gpu)
        return false;
    out->kind = nic ? RG_PLACE_NIC : RG_PLACE_GPU;
    address_of(&object->attr->pcidev, out->pci_address);
    out->numa_node = numa_of(topology, object);
    if (nic != NULL) {
        snprintf(out->name, sizeof out->name, "%s", nic->name ? nic->name : "");
        out->elsewhere = io_child(object, HWLOC_OBJ_OSDEV_NETWORK) == NULL;
    }
    return true;
}

/* Whether a NIC or GPU is at or below an object. */
static bool matters(hwloc_topology_t topology, hwloc_obj_t object)
{
    struct rg_topology_place place;
    if (object->type == HWLOC_OBJ_PCI_DEVICE && place_of(topology, object, &place))
        return true;
    for (hwloc_obj_t child = hwloc_get_next_child(topology, object, NULL); child != NULL;
         child = hwloc_get_next_child(topology, object, child))
        if (matters(topology, child))
            return true;
    return false;
}

static int walk(
    hwloc_topology_t topology, hwloc_obj_t object, int parent, struct rg_topology *out, struct rg_error *err)
{
    struct rg_topology_place place;
    int code = 0;
    if (place_of(topology, object, &place)) {
        if (out->place_count == PLACES_MOST)
            return rg_fail(err, -E2BIG, "more than %d bridges, NICs and GPUs", PLACES_MOST);
        place.parent = parent;
        parent = out->place_count;
        out->places[out->place_count++] = place;
    }
    for (hwloc_obj_t child = hwloc_get_next_child(topology, object, NULL); code == 0 && child != NULL;
         child = hwloc_get_next_child(topology, object, child))
        if (matters(topology, child))
            code = walk(topology, child, parent, out, err);
    return code;
}

/* What these look for is not asked, and some of them begin to use a GPU to find it. */
static void leave_out(hwloc_topology_t topology)
{
    static const char *const names[] = {"cuda", "nvml", "opencl", "gl", "rsmi", "levelzero"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        hwloc_topology_set_components(topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, names[i]);
}

static int load(const char *xml, hwloc_topology_t *out, struct rg_error *err)
{
    hwloc_topology_t topology = NULL;
    if (hwloc_topology_init(&topology) != 0)
        return rg_fail(err, -ENOMEM, "no memory for hwloc");
    leave_out(topology);
    hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    hwloc_topology_set_icache_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
    if (xml != NULL && hwloc_topology_set_xml(topology, xml) != 0) {
        int code = rg_fail(err, -EINVAL, "%s: cannot be read as hwloc's XML: %s", xml, strerror(errno));
        hwloc_topology_destroy(topology);
        return code;
    }
    if (hwloc_topology_load(topology) != 0) {
        int code = rg_fail(err, -EINVAL, "%s: hwloc does not understand it", xml ? xml : "this machine");
        hwloc_topology_destroy(topology);
        return code;
    }
    *out = topology;
    return 0;
}

int rg_pairing_read(const char *xml, struct rg_topology **out, struct rg_error *err)
{
    hwloc_topology_t topology = NULL;
    int code = load(xml, &topology, err);
    if (code != 0)
        return code;
    struct rg_topology *found = calloc(1, sizeof *found);
    if (found != NULL)
        found->places = calloc(PLACES_MOST, sizeof *found->places);
    if (found == NULL || found->places == NULL) {
        code = rg_fail(err, -ENOMEM, "no memory");
    } else {
        found->places[found->place_count++] = (struct rg_topology_place){.kind = RG_PLACE_MACHINE, .numa_node = -1};
        code = walk(topology, hwloc_get_root_obj(topology), 0, found, err);
    }
    hwloc_topology_destroy(topology);
    if (code == 0)
        code = rg_pairing_make(found, err);
    if (code != 0) {
        rg_topology_close(found);
        return code;
    }
    *out = found;
    return 0;
}
