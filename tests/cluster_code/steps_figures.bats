#!/usr/bin/env bats
# Steps alone, for what is measured: what each does to a node, and what it says when it cannot.

load world

setup() {
  make_world compute
}

@test "start-exporters: an image of ECR by digest, in the cluster's Region" {
  make_world_again login
  answers docker 'case "$1 $2" in "image inspect") exit 1 ;; "login"*) cat >/dev/null ;; esac'
  run one_step start-exporters
  [ "$status" -eq 0 ]
  called '^docker pull --quiet 602401143452.dkr.ecr.eu-west-1.amazonaws.com/hyperpod/node_exporter@sha256:'
  has_line /etc/systemd/system/trainyard-node-exporter.service '^ExecStart=.* --web.listen-address=:9100 --path.rootfs=/host --collector.textfile.directory=/host/var/lib/trainyard/metrics --collector.processes --collector.ethtool$'
}

@test "start-exporters: an image that is there is not pulled" {
  make_world_again login
  run one_step start-exporters
  [ "$status" -eq 0 ]
  never_called '^(docker pull|aws)'
}

@test "start-exporters: one that does not stay up" {
  answers systemctl '[[ $1 != is-active ]]'
  run one_step start-exporters
  [ "$status" -ne 0 ]
  [[ $(last_line) == 'the exporter node does not stay up'* ]]
}

@test "start-exporters: a program that the image does not have" {
  run one_step start-exporters
  [ "$status" -ne 0 ]
  [ "$(last_line)" = 'the image lacks the exporter /usr/local/bin/dcgm-exporter' ]
}

@test "start-exporters: a program of the image is told which fields of the GPUs are looked at" {
  told 'd["exporters"] = [{"kind": "binary", "name": "dcgm", "path": "/bin/true", "arguments": []}]'
  run one_step start-exporters
  [ "$status" -eq 0 ]
  has_line /etc/systemd/system/trainyard-dcgm-exporter.service '^ExecStart=/bin/true --address=:9400 --collectors=/opt/trainyard/lifecycle/counters.csv '
  has_line /opt/trainyard/lifecycle/counters.csv '^DCGM_FI_DEV_XID_ERRORS, gauge, '
}

@test "start-exporters: a node without GPUs has none of them to measure" {
  told 'd["groups"][2]["hosts"][0]["accelerators"] = 0'
  run one_step start-exporters
  [ "$status" -eq 0 ]
  [ ! -e "$UPPER/etc/systemd/system/trainyard-dcgm-exporter.service" ]
}

@test "start-exporters: everybody may leave figures for it" {
  told 'd["exporters"] = []'
  run one_step start-exporters
  [ "$(stat -c %a "$UPPER/var/lib/trainyard/metrics")" = 1777 ]
}

@test "report-figures: of Slurm on the controller" {
  make_world_again controller
  run one_step report-figures
  [ "$status" -eq 0 ]
  has_line /etc/systemd/system/trainyard-slurm-figures.service '^ExecStart=.*python3 -I -S /opt/trainyard/lifecycle/slurm_figures.py /var/lib/trainyard/metrics/slurm.prom 30$'
}

@test "report-figures: of the adapters elsewhere" {
  run one_step report-figures
  [ "$status" -eq 0 ]
  has_line /etc/systemd/system/trainyard-efa-figures.service '^ExecStart=.*bash /opt/trainyard/lifecycle/efa_figures.sh /var/lib/trainyard/metrics/efa.prom 30$'
}

@test "start-metrics-agent: its configuration from the parameter of the node's type" {
  answers aws 'echo "{\"global\": {}}"'
  run one_step start-metrics-agent
  [ "$status" -eq 0 ]
  called '^aws ssm get-parameter --region eu-west-1 --name /trainyard/dev/clusters/research/agents/compute '
  has_line /etc/trainyard/prometheus.yml '^\{"global": \{\}\}$'
  has_line /etc/systemd/system/trainyard-metrics-agent.service '^ExecStart=.* 123456789012.dkr.ecr.eu-west-1.amazonaws.com/prometheus@sha256:[0-9a-f]{64} --agent '
  has_line /etc/systemd/system/trainyard-metrics-agent.service '^Environment=HOSTNAME=ip-10-0-0-21$'
}

@test "start-metrics-agent: another configuration restarts it, the same does not" {
  answers aws 'echo one'
  one_step start-metrics-agent
  rm "$UPPER/fakes/calls"
  one_step start-metrics-agent
  never_called '^systemctl restart'
  answers aws 'echo two'
  one_step start-metrics-agent
  called '^systemctl restart trainyard-metrics-agent.service$'
}

@test "start-metrics-agent: a try that was cut off before the restart leaves no old configuration in use" {
  answers aws 'echo one'
  one_step start-metrics-agent
  answers aws 'echo two'
  answers systemctl '[[ $1 != restart ]] || kill -KILL $PPID'
  run one_step start-metrics-agent
  [ "$status" -ne 0 ]
  rm "$UPPER/fakes/calls" "$UPPER/fakes/systemctl"
  one_step start-metrics-agent
  called '^systemctl restart trainyard-metrics-agent.service$'
}

@test "start-metrics-agent: a container that outlived its client makes room" {
  answers aws 'echo one'
  one_step start-metrics-agent
  has_line /etc/systemd/system/trainyard-metrics-agent.service '^ExecStartPre=-/fakes/bin/docker rm --force trainyard-metrics-agent$'
}

@test "start-metrics-agent: a parameter that the node may not read" {
  answers aws 'exit 254'
  run one_step start-metrics-agent
  [ "$status" -ne 0 ]
  [ "$(last_line)" = "the parameter /trainyard/dev/clusters/research/agents/compute cannot be read with the node's role" ]
}
