variable "project" {
  description = "The project's id."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project takes a project's id (gcloud projects list)."
  }
}

variable "zone" {
  description = "The zone of the nodes, such as europe-west1-b."
  type        = string
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+-[a-z0-9]+$", var.zone))
    error_message = "zone takes a zone such as europe-west1-b (gcloud compute zones list)."
  }
}

variable "machine" {
  description = "a3-ultra, a4 (8 RDMA NICs), a3-mega (TCPXO, 8 NICs), a3-high (TCPX, 4 NICs) or gvnic (any node, TCP)."
  type        = string
  validation {
    condition     = contains(["a3-ultra", "a4", "a3-mega", "a3-high", "gvnic"], var.machine)
    error_message = "machine takes one of a3-ultra, a4, a3-mega, a3-high, gvnic."
  }
}

variable "nodes" {
  description = "Nodes to measure on; with flex-start at most so many."
  type        = number
  validation {
    condition     = var.nodes >= 1 && var.nodes <= 1000 && floor(var.nodes) == var.nodes
    error_message = "nodes takes a number from 1 to 1000."
  }
}

variable "capacity" {
  description = "Where the nodes come from: reservation, flex-start, spot or on-demand (which is not offered for a3-ultra and a4)."
  type        = string
  validation {
    condition     = contains(["reservation", "flex-start", "spot", "on-demand"], var.capacity)
    error_message = "capacity takes one of reservation, flex-start, spot, on-demand."
  }
}

variable "reservation" {
  description = "With capacity reservation: RES, RES/reservationBlocks/BLOCK, or either after projects/OWNER/reservations/."
  type        = string
  default     = null
  validation {
    condition     = var.reservation == null || can(regex("^(projects/[a-z][a-z0-9-]*/reservations/)?[a-z][a-z0-9-]*(/reservationBlocks/[a-z][a-z0-9-]*)?$", var.reservation))
    error_message = "reservation takes RES, RES/reservationBlocks/BLOCK, or either after projects/OWNER/reservations/."
  }
}

variable "name" {
  description = "What everything is called or begins with. jobs/storage and jobs/network are written for railgauge."
  type        = string
  default     = "railgauge"
  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$", var.name))
    error_message = "name takes at most 24 small letters, digits and dashes and begins with a letter."
  }
}

variable "machine_type" {
  description = "For gvnic: the nodes' machine type instead of c3-standard-44."
  type        = string
  default     = null
  validation {
    condition     = var.machine_type == null || can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.machine_type))
    error_message = "machine_type takes a machine type such as c3-standard-44 (gcloud compute machine-types list)."
  }
}

variable "channel" {
  description = "GKE's release channel: rapid, regular or stable."
  type        = string
  default     = "regular"
  validation {
    condition     = contains(["rapid", "regular", "stable"], var.channel)
    error_message = "channel takes rapid, regular or stable."
  }
}

variable "cluster_version" {
  description = "A version of the channel instead of its default; the machine's minimum is the output minimum_version."
  type        = string
  default     = null
  validation {
    condition     = var.cluster_version == null || can(regex("^1\\.[0-9]+\\.[0-9]+-gke\\.[0-9]+$", var.cluster_version))
    error_message = "cluster_version takes a version such as 1.33.2-gke.1111000."
  }
}

variable "dranet" {
  description = "For a3-ultra and a4: GKE makes the RDMA networks, and pods claim NICs (scripts/submit --component dranet)."
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "Whether terraform destroy is to be refused for the cluster."
  type        = bool
  default     = false
}
