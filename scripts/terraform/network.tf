# Stay enabled when all else is destroyed: others may use them.
resource "google_project_service" "needed" {
  for_each           = toset(local.table.apis)
  project            = var.project
  service            = each.value
  disable_on_destroy = false
}

# The cluster's own network.
resource "google_compute_network" "main" {
  project                 = var.project
  name                    = var.name
  auto_create_subnetworks = false
  mtu                     = local.table.main_mtu
  depends_on              = [google_project_service.needed]
}

resource "google_compute_subnetwork" "main" {
  project                  = var.project
  region                   = local.region
  name                     = var.name
  network                  = google_compute_network.main.id
  ip_cidr_range            = local.table.ranges.nodes
  private_ip_google_access = true

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = local.table.ranges.pods
  }
  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = local.table.ranges.services
  }
}

# The fabric's plain networks.
resource "google_compute_network" "plain" {
  for_each                = local.plain
  project                 = var.project
  name                    = each.key
  auto_create_subnetworks = false
  mtu                     = local.machine.mtu
  depends_on              = [google_project_service.needed]
}

resource "google_compute_subnetwork" "plain" {
  for_each      = local.plain
  project       = var.project
  region        = local.region
  name          = each.key
  network       = google_compute_network.plain[each.key].id
  ip_cidr_range = each.value
}

# The nodes of each plain network reach each other.
resource "google_compute_firewall" "internal" {
  for_each      = local.firewalls
  project       = var.project
  name          = "${each.key}-internal"
  network       = merge({ (var.name) = google_compute_network.main }, google_compute_network.plain)[each.key].id
  direction     = "INGRESS"
  source_ranges = [each.value]

  dynamic "allow" {
    for_each = ["tcp", "udp", "icmp"]
    content {
      protocol = allow.value
    }
  }
}

# An RDMA network is one from its first day: the profile can neither be added nor changed. Its MTU is the profile's.
resource "google_compute_network" "rdma" {
  for_each                = local.rdma_network
  project                 = var.project
  name                    = each.key
  auto_create_subnetworks = false
  network_profile         = "projects/${var.project}/global/networkProfiles/${each.value}"
  depends_on              = [google_project_service.needed]
}

resource "google_compute_subnetwork" "rdma" {
  for_each      = local.rdma_subnets
  project       = var.project
  region        = local.region
  name          = each.key
  network       = google_compute_network.rdma["${var.name}-rdma"].id
  ip_cidr_range = each.value
}

# It takes no firewall rules but those of a regional policy of this type. Its rules see no addresses: 0.0.0.0/0 is the only range there
# is, and secure tags tell nodes apart. The network is this cluster's alone, so all its nodes may talk.
resource "google_compute_region_network_firewall_policy_with_rules" "rdma" {
  for_each    = local.rdma_network
  project     = var.project
  region      = local.region
  name        = each.key
  policy_type = "RDMA_ROCE_POLICY"

  rule {
    description = "the nodes of the RDMA network reach each other"
    priority    = 1000
    direction   = "INGRESS"
    action      = "allow"

    match {
      src_ip_ranges = ["0.0.0.0/0"]

      layer4_config {
        ip_protocol = "all"
      }
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_compute_region_network_firewall_policy_association" "rdma" {
  for_each          = local.rdma_network
  project           = var.project
  region            = local.region
  name              = each.key
  attachment_target = google_compute_network.rdma[each.key].id
  firewall_policy   = google_compute_region_network_firewall_policy_with_rules.rdma[each.key].name
}
