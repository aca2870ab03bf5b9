// Command teardown-controllers runs two of kube-controller-manager's controllers, those that take things down: the one
// that empties deleted namespaces, and the garbage collector. A control plane of envtest has neither, so there a
// deleted namespace stays forever and what a deleted object owned outlives it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
)

const (
	workers = 4
	resync  = 5 * time.Minute
	// discoverEvery is how soon the garbage collector sees kinds that are new; kube-controller-manager takes 30 s.
	discoverEvery = 2 * time.Second
)

func main() {
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "an administrator's, of the control plane")
	klog.InitFlags(nil)
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kubeconfig); err != nil {
		fmt.Fprintln(os.Stderr, "teardown-controllers:", err)
		os.Exit(1)
	}
}

// run starts both controllers and returns when ctx has ended them.
func run(ctx context.Context, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	c, err := newClients(config)
	if err != nil {
		return err
	}
	collector, err := c.newGarbageCollector(ctx)
	if err != nil {
		return err
	}
	namespaces := c.newNamespaceController(ctx)
	c.objects.Start(ctx.Done())
	c.metadataObjects.Start(ctx.Done())
	close(c.started)

	var running sync.WaitGroup
	running.Go(func() { namespaces.Run(ctx, workers) })
	running.Go(func() { collector.Run(ctx, workers, discoverEvery) })
	running.Go(func() { collector.Sync(ctx, c.kubernetes.Discovery(), discoverEvery) })
	running.Wait()
	return nil
}

// clients are what both controllers read and write with.
type clients struct {
	kubernetes      kubernetes.Interface
	metadata        metadata.Interface
	objects         informers.SharedInformerFactory
	metadataObjects metadatainformer.SharedInformerFactory
	started         chan struct{} // closed when the informers are
}

func newClients(config *rest.Config) (*clients, error) {
	config.QPS = -1 // the API server is this program's alone
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	metadataClient, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &clients{
		kubernetes:      client,
		metadata:        metadataClient,
		objects:         informers.NewSharedInformerFactory(client, resync),
		metadataObjects: metadatainformer.NewSharedInformerFactory(metadataClient, resync),
		started:         make(chan struct{}),
	}, nil
}

func (c *clients) newNamespaceController(ctx context.Context) *namespace.NamespaceController {
	return namespace.NewNamespaceController(ctx, c.kubernetes, c.metadata,
		c.kubernetes.Discovery().ServerPreferredNamespacedResources,
		c.objects.Core().V1().Namespaces(), resync, corev1.FinalizerKubernetes)
}

func (c *clients) newGarbageCollector(ctx context.Context) (*garbagecollector.GarbageCollector, error) {
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(c.kubernetes.Discovery()))
	return garbagecollector.NewGarbageCollector(ctx, c.kubernetes, c.metadata, mapper,
		garbagecollector.DefaultIgnoredResources(),
		informerfactory.NewInformerFactory(c.objects, c.metadataObjects), c.started)
}
