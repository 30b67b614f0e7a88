output "cluster" {
  description = "The cluster's name."
  value       = google_container_cluster.main.name
}

output "credentials" {
  description = "The command that gives kubectl access."
  value       = "gcloud container clusters get-credentials ${google_container_cluster.main.name} --project=${var.project} --location=${var.zone}"
}

output "manifests" {
  description = "The folders to give to kubectl apply -k, in order."
  value       = local.manifests
}

output "additional_networks" {
  description = "A node's networks beside the cluster's own, in the order of its interfaces."
  value       = local.additional_networks
}

output "minimum_version" {
  description = "The oldest version of GKE that has what the machine needs."
  value       = local.minimum_version
}
