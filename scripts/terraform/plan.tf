# What the machine needs, from the table that scripts/gke reads, too; the same names, ranges and order.
locals {
  table   = jsondecode(file("${path.module}/../gke.d/machines.json"))
  machine = local.table.machines[var.machine]
  region  = regex("^(.*)-[^-]*$", var.zone)[0]

  machine_type = coalesce(var.machine_type, local.machine.machine_type)
  rdma         = local.machine.fabric == "rdma" && !var.dranet # with DRANET, GKE makes the fabric's networks with the node pool
  gpu          = local.machine.fabric == "gpu"
  nics         = range(local.machine.nics)

  # Plain networks: the one of RDMA's gVNIC, or one a NIC.
  plain = merge(
    local.rdma ? { "${var.name}-gvnic" = cidrsubnet(local.table.ranges.fabric, local.table.ranges.fabric_bits, 0) } : {},
    local.gpu ? { for i in local.nics : "${var.name}-gpu-${i}" => cidrsubnet(local.table.ranges.fabric, local.table.ranges.fabric_bits, i) } : {}
  )
  firewalls    = merge({ (var.name) = local.table.ranges.main }, local.plain)
  rdma_network = local.rdma ? { "${var.name}-rdma" = "${var.zone}-vpc-roce" } : {}
  rdma_subnets = local.rdma ? { for i in local.nics : "${var.name}-rdma-${i}" => cidrsubnet(local.table.ranges.fabric, local.table.ranges.fabric_bits, i + 1) } : {}

  # A node's networks beside the cluster's own, in the order of its interfaces.
  additional_networks = concat(
    [for name, range in local.plain : { network = name, subnetwork = name }],
    [for name, range in local.rdma_subnets : { network = "${var.name}-rdma", subnetwork = name }]
  )

  manifests = concat(
    ["jobs/storage"],
    local.rdma || local.gpu ? ["jobs/network/${var.machine}"] : [],
    local.machine.fabric != "none" ? ["jobs/drivers/${var.machine}"] : []
  )

  # As gcloud has it for nodes with an account of their own: what they may do, the account's roles say.
  scopes = ["https://www.googleapis.com/auth/cloud-platform"]

  affinity = {
    reservation = [{ type = "SPECIFIC_RESERVATION", key = "compute.googleapis.com/reservation-name", values = [var.reservation] }]
    flex-start  = [{ type = "NO_RESERVATION", key = null, values = null }]
    spot        = []
    on-demand   = []
  }[var.capacity]

  # Padded, versions sort as texts.
  minimums = { for version in compact([
    local.machine.minimum_version,
    var.capacity == "flex-start" ? local.table.flex_start.minimum_version : "",
    var.dranet ? local.table.dranet.minimum_version : "",
    ]) :
    join(".", [for part in regexall("[0-9]+", version) : format("%010d", tonumber(part))]) => version
  }
  padded = {
    minimum = reverse(sort(keys(local.minimums)))[0]
    own     = join(".", [for part in regexall("[0-9]+", coalesce(var.cluster_version, "999")) : format("%010d", tonumber(part))])
  }
  minimum_version = local.minimums[local.padded.minimum]
}
