# The nodes' own account: the project's default one may do everything, or, in a new project, nothing.
resource "google_service_account" "nodes" {
  project    = var.project
  account_id = "${var.name}-nodes"
  depends_on = [google_project_service.needed]
}

resource "google_project_iam_member" "nodes" {
  for_each = toset(local.table.node_roles)
  project  = var.project
  role     = each.value
  member   = "serviceAccount:${google_service_account.nodes.email}"
}

resource "google_container_cluster" "main" {
  project             = var.project
  location            = var.zone
  name                = var.name
  deletion_protection = var.deletion_protection

  network    = google_compute_network.main.id
  subnetwork = google_compute_subnetwork.main.id

  networking_mode         = "VPC_NATIVE"
  datapath_provider       = "ADVANCED_DATAPATH"
  enable_multi_networking = true
  min_master_version      = var.cluster_version
  initial_node_count      = 1

  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }
  release_channel {
    channel = upper(var.channel)
  }
  workload_identity_config {
    workload_pool = "${var.project}.svc.id.goog"
  }
  addons_config {
    gcs_fuse_csi_driver_config {
      enabled = true
    }
    gcp_filestore_csi_driver_config {
      enabled = true
    }
  }
  node_config {
    machine_type    = local.table.system_machine_type
    service_account = google_service_account.nodes.email
    oauth_scopes    = local.scopes
  }

  lifecycle {
    # GKE changes these by itself.
    ignore_changes = [node_config, initial_node_count]
    precondition {
      condition     = sort([local.padded.own, local.padded.minimum])[0] == local.padded.minimum
      error_message = "cluster_version is older than ${local.minimum_version}, which ${var.machine} with ${var.capacity}${var.dranet ? " and dranet" : ""} needs."
    }
  }
}

resource "google_container_node_pool" "main" {
  project            = var.project
  location           = var.zone
  cluster            = google_container_cluster.main.name
  name               = var.machine
  node_count         = var.capacity == "flex-start" ? null : var.nodes
  initial_node_count = var.capacity == "flex-start" ? 0 : null

  dynamic "autoscaling" {
    for_each = var.capacity == "flex-start" ? [var.nodes] : []
    content {
      total_min_node_count = 0
      total_max_node_count = autoscaling.value
      location_policy      = "ANY"
    }
  }

  management {
    auto_repair  = var.capacity != "flex-start"
    auto_upgrade = true
  }

  node_config {
    machine_type    = local.machine_type
    image_type      = "COS_CONTAINERD"
    spot            = var.capacity == "spot"
    service_account = google_service_account.nodes.email
    oauth_scopes    = local.scopes
    flex_start      = var.capacity == "flex-start" ? true : null
    labels          = var.dranet ? { "cloud.google.com/gke-networking-dra-driver" = "true" } : null

    gvnic {
      enabled = true
    }

    dynamic "guest_accelerator" {
      for_each = local.machine.gpus > 0 ? [local.machine.accelerator] : []
      content {
        type  = guest_accelerator.value
        count = local.machine.gpus
        gpu_driver_installation_config {
          gpu_driver_version = "LATEST"
        }
      }
    }

    dynamic "reservation_affinity" {
      for_each = local.affinity
      content {
        consume_reservation_type = reservation_affinity.value.type
        key                      = reservation_affinity.value.key
        values                   = reservation_affinity.value.values
      }
    }
  }

  network_config {
    accelerator_network_profile = var.dranet ? "auto" : null

    dynamic "additional_node_network_configs" {
      for_each = local.additional_networks
      content {
        network    = additional_node_network_configs.value.network
        subnetwork = additional_node_network_configs.value.subnetwork
      }
    }
  }

  depends_on = [
    google_project_iam_member.nodes,
    google_compute_subnetwork.plain,
    google_compute_subnetwork.rdma,
    google_compute_region_network_firewall_policy_association.rdma,
  ]

  lifecycle {
    precondition {
      condition     = var.capacity != "on-demand" || local.machine.on_demand
      error_message = "${var.machine} is not sold on demand; take reservation, flex-start or spot."
    }
    precondition {
      condition     = (var.capacity == "reservation") == (var.reservation != null)
      error_message = "reservation goes with capacity reservation, and with no other."
    }
    precondition {
      condition     = !var.dranet || local.machine.fabric == "rdma"
      error_message = "dranet is for a3-ultra and a4; ${var.machine} has no RDMA NICs."
    }
    precondition {
      condition     = var.machine_type == null || var.machine == "gvnic"
      error_message = "machine_type is for gvnic alone; ${var.machine} has one type."
    }
  }
}
